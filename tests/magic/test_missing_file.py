"""What is said of a file that is missing on an added machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.files.verdict import LeftOut, Why
from jupyter_remote_gpu.magic.missing_file import missing_file_text

THERE = "/base/workspaces/p/project/nb"
LEFT_OUT = {
    b"nb/data": LeftOut(b"nb/data", Why.IGNORED, ".gitignore, line 1: data/", is_folder=True),
    b"big.bin": LeftOut(b"big.bin", Why.LARGE, "300 MB"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a notebook's folder, and a file beside it."""
    project = tmp_path / "project"
    (project / "nb/data").mkdir(parents=True)
    for path in ("nb/data/x.csv", "nb/went.csv", "big.bin", "../outside.csv"):
        (project / path).touch()
    return project


def _text(root: Path, path: str, name: str = "FileNotFoundError") -> str | None:
    error = {"name": name, "value": f"[Errno 2] No such file or directory: '{path}'"}
    return missing_file_text(error, "box", root, root / "nb", THERE, LEFT_OUT)


@pytest.mark.parametrize("path", ["data/x.csv", f"{THERE}/data/x.csv"])
def test_a_path_that_stays_has_its_reason(root: Path, path: str) -> None:
    assert _text(root, path) == (
        "nb/data/ stays here: named in an ignore file (.gitignore, line 1: data/); a line"
        " `!nb/data/` in a file .remotegpuignore lets it travel"
    )


def test_a_large_file_has_its_command(root: Path) -> None:
    assert _text(root, "../big.bin") == (
        "big.bin (300 MB) stays here because it is large: `%remote_gpu sync --allow big.bin`"
        " sends it"
    )


def test_a_path_of_this_computer_alone_is_told(root: Path) -> None:
    assert _text(root, str(root / "nb/went.csv")) == (
        f"{root}/nb/went.csv is a path of this computer; went.csv, from the notebook's folder, is"
        " there on box too"
    )
    outside = f"{root.parent}/outside.csv"
    assert _text(root, outside) == (
        f"{outside} lies outside of the project {root}: only what lies in it follows"
    )


def test_nothing_is_said_of_what_is_nowhere_or_of_other_errors(root: Path) -> None:
    assert _text(root, "nowhere.csv") is None
    assert _text(root, "went.csv") is None
    assert _text(root, "data/x.csv", "ValueError") is None
