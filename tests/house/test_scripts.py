"""The scripts behind `make` say what is missing, rather than fail somewhere later."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.house.sources import ROOT


def _sh(script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / script), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    done = _sh("setup-env.sh", str(tmp_path / "env"), "test", "wanted", PYTHON="/no/such/python")
    assert done.returncode == 1
    assert "There is no '/no/such/python' here" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_an_old_python_is_named(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = _sh("setup-env.sh", str(tmp_path / "env"), "test", "wanted", PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.8.1 is too old" in done.stderr
    assert not (tmp_path / "env").exists()


def test_without_a_chromium_and_without_apt_the_reason_is_said(tmp_path: Path) -> None:
    done = _sh("browser.sh", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no apt-get" in done.stderr


def test_a_chromium_on_the_path_is_taken(tmp_path: Path) -> None:
    chromium = tmp_path / "chromium"
    chromium.write_text("#!/bin/sh\n")
    chromium.chmod(0o755)
    done = _sh("browser.sh", PATH=str(tmp_path))
    assert (done.returncode, done.stdout.strip()) == (0, str(chromium))


def test_without_an_ssh_server_and_without_apt_the_reason_is_said(tmp_path: Path) -> None:
    done = _sh("sshd.sh", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "not installed:" in done.stderr and "no apt-get" in done.stderr


def test_no_file_names_a_place_that_is_not_everybody_s() -> None:
    """Nothing in the project leans on the computer or the tools it was written with."""
    elsewhere = ("/work" + "/", "/root" + "/")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    names = listed.stdout.splitlines()
    if not names:
        pytest.skip("this is not a git checkout")
    hits = [
        name
        for name in names
        if (path := ROOT / name).suffix in {".py", ".md", ".toml", ".cfg", ".sh", ".txt", ".ipynb"}
        and any(place in path.read_text(encoding="utf-8") for place in elsewhere)
    ]
    assert hits == []
