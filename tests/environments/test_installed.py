"""What cells import, and which packages bring it."""

from __future__ import annotations

import sys
import timeit
from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.installed import imported, used, versions

MAGIC = "get_ipython().run_cell_magic('time', '', 'import polars as pl\\nx = 1\\n')"
LINE = "get_ipython().run_line_magic('timeit', '-n 3 -r 2 import scipy.stats')"


@pytest.mark.parametrize(
    ("cell", "modules"),
    [
        ("import numpy as np, pandas", {"numpy", "pandas"}),
        ("import os, sys\nfrom json import loads", set()),
        ("from a.b import c, d", {"a.b", "a.b.c", "a.b.d"}),
        ("from a import *", {"a"}),
        ("from . import sibling", set()),
        (
            "def f():\n    try:\n        import cv2\n    except ImportError:\n        cv2 = None",
            {"cv2"},
        ),
        (MAGIC, {"polars"}),
        (LINE, {"scipy.stats"}),
        ("get_ipython().system('pip install numpy')", set()),
        ("importlib.import_module('sklearn.svm'); __import__('PIL')", {"sklearn.svm", "PIL"}),
        ("importlib.import_module(name)", set()),
        ("import numpy as (", set()),
        ("x = 'import numpy'", set()),
        ("import \0", set()),
    ],
)
def test_what_a_cell_imports(cell: str, modules: set[str]) -> None:
    assert imported(cell) == modules


def test_a_known_cell_costs_microseconds() -> None:
    cell = "import numpy as np\n" + "x = [i for i in range(10)]\n" * 200
    imported(cell)
    parse = timeit.timeit(lambda: imported.__wrapped__(cell), number=3) / 3
    again = timeit.timeit(lambda: imported(cell), number=3000) / 3000
    # A ratio in one run, not a stopwatch: the second time nothing is parsed.
    assert again < parse / 20


def test_modules_are_traced_to_what_one_installs() -> None:
    found, own = used(["import yaml", "import dateutil.parser, zmq"])
    assert {name: one.wanted for name, one in found.items()} == {
        "pyyaml": "pyyaml",
        "python-dateutil": "python-dateutil",
        "pyzmq": "pyzmq",
    }
    assert own == {}


def test_what_runs_the_notebook_here_is_no_need() -> None:
    assert used(["import IPython, ipykernel, jupyter_client"])[0] == {}


def _distribution(site: Path, name: str, version: str, files: dict[str, str], **more: str) -> None:
    """Lay out an installed distribution."""
    inner = site / f"{name.replace('-', '_')}-{version}.dist-info"
    inner.mkdir(parents=True)
    (inner / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    (inner / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    for file, text in more.items():
        (inner / file.replace("_json", ".json")).write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A further folder of installed packages, first on sys.path."""
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.setattr(sys, "path", [str(place), *sys.path])
    return place


def test_of_packages_sharing_a_namespace_the_one_meant_is_taken(site: Path) -> None:
    _distribution(site, "cloudy-storage", "2.0", {"cloudy/storage/__init__.py": ""})
    _distribution(site, "cloudy-query", "3.0", {"cloudy/query.py": ""})
    _distribution(site, "cloudy-rest", "4.0", {"cloudy/rest/api.py": ""})
    _distribution(site, "cloudy-auth", "5.0", {"cloudy/auth/__init__.py": ""})
    assert set(used(["from cloudy import storage"])[0]) == {"cloudy-storage"}
    assert set(used(["import cloudy.query"])[0]) == {"cloudy-query"}
    assert set(used(["from cloudy.rest.api import Client"])[0]) == {"cloudy-rest"}
    assert set(used(["from cloudy import storage, query"])[0]) == {"cloudy-storage", "cloudy-query"}


def test_editable_installs_and_own_modules_are_no_packages(site: Path, tmp_path: Path) -> None:
    told = '{"url": "file:///home/me/lab", "dir_info": {"editable": true}}'
    _distribution(site, "lab-tools", "0.1", {"labtools.py": ""}, direct_url_json=told)
    (site / "mine.py").write_text("")
    found, own = used(["import labtools, mine, nosuchmodule"])
    assert found == {}
    assert own == {"labtools": "/home/me/lab", "mine": str(site / "mine.py")}


def test_what_came_from_a_repository_is_asked_for_there_without_its_password(site: Path) -> None:
    told = (
        '{"url": "https://me:s3cret@git.example.org/tool.git",'
        ' "vcs_info": {"vcs": "git", "commit_id": "0123abc", "requested_revision": "main"}}'
    )
    _distribution(site, "repo-tool", "1.0", {"repotool.py": ""}, direct_url_json=told)
    (one,) = used(["import repotool"])[0].values()
    assert one.wanted == "repo-tool @ git+https://git.example.org/tool.git@0123abc"


def test_builds_of_this_computer_have_no_local_version(site: Path) -> None:
    _distribution(site, "heavy-lib", "2.13.0+cpu", {"heavylib/__init__.py": ""})
    assert versions()["heavy-lib"] == "2.13.0"


def test_a_package_installed_meanwhile_is_seen(site: Path) -> None:
    assert used(["import latecomer"])[0] == {}
    _distribution(site, "latecomer", "1.0", {"latecomer.py": ""})
    assert set(used(["import latecomer"])[0]) == {"latecomer"}
