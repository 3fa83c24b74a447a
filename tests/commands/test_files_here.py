"""What would travel, asked of this computer alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.files_here import files_here
from jupyter_remote_gpu.files.verdict import Why
from jupyter_remote_gpu.session.sync_report import Planned, Way
from tests.files.trees import write

TOKEN = "ghp_" + "a1" * 18


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with some of everything."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    root = tmp_path / "project"
    root.mkdir()
    write(root, {"train.py": f"t = '{TOKEN}'", ".env": "A=1", ".gitignore": "build/\n"})
    write(root, {"build/x": "x", "lib/net.py": "y"})
    with open(root / "big.bin", "wb") as big:
        big.truncate(300_000_000)
    return root


def test_everything_is_listed_with_its_reason(project: Path) -> None:
    assert files_here(project).paths == (
        Planned(".env", Way.STAYS, Why.SECRET.value, 3, "*.env"),
        Planned(".gitignore", Way.OUT, "sent", 7),
        Planned("big.bin", Way.STAYS, Why.LARGE.value, 300_000_000, asks=True),
        Planned("build", Way.STAYS, Why.IGNORED.value, 0, ".gitignore, line 1: build/", True),
        Planned("lib/net.py", Way.OUT, "sent", 1),
        Planned("train.py", Way.OUT, "sent", 46, "holds a GitHub token"),
    )
