"""The same against the real package index: real wheels, of another platform."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.lock import make_lock
from jupyter_remote_gpu.environments.needs import Needs, needs
from jupyter_remote_gpu.environments.target import Target
from jupyter_remote_gpu.environments.toml import read_toml


@pytest.fixture
def _internet() -> None:
    try:
        urllib.request.urlopen("https://pypi.org/simple/six/", timeout=20).close()
    except urllib.error.URLError:
        pytest.skip("the package index cannot be reached")


@pytest.mark.usefixtures("_internet")
@pytest.mark.parametrize(
    ("platform", "tag"),
    [
        ("x86_64-manylinux_2_28", "x86_64"),
        ("aarch64-manylinux_2_28", "aarch64"),
        ("x86_64-unknown-linux-musl", "musllinux"),
    ],
)
def test_a_notebook_of_here_is_locked_for_a_machine(folder: Path, platform: str, tag: str) -> None:
    cell = "import numpy as np\nfrom matplotlib import pyplot as plt\nimport pandas.api.types"
    wish = needs(folder, [cell])
    # Of the Python of here, whose versions are recent ones with wheels for all of these.
    target = Target(platform, (sys.version_info[0], sys.version_info[1]))
    lock = make_lock(wish, target, folder.parent / "cache", lambda step: None)
    assert {name: lock.packages[name] for name in wish.imported} == {
        name: wish.here[name] for name in ("matplotlib", "numpy", "pandas")
    }
    assert "ipykernel" in lock.packages
    for table in read_toml(lock.text)["packages"]:
        if table["name"] in {"numpy", "pandas"}:
            assert all(tag in wheel["url"] for wheel in table["wheels"])


@pytest.mark.usefixtures("_internet")
def test_what_exists_for_windows_or_macos_alone_is_named(folder: Path) -> None:
    here = {"pywin32": "312", "pyobjc-framework-cocoa": "11.0", "six": "1.17.0"}
    wish = Needs(folder, None, {name: name for name in here}, here, key="odd")
    target = Target("x86_64-manylinux_2_28", (3, 11))
    lock = make_lock(wish, target, folder.parent / "cache", lambda step: None)
    assert lock.packages["six"] == "1.17.0"
    assert not {"pywin32", "pyobjc-framework-cocoa"} & lock.packages.keys()
    named = [note.partition(" ")[0] for note in lock.notes]
    assert named == ["pywin32", "pyobjc-core", "pyobjc-framework-cocoa"]
