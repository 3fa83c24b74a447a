"""Typed paths and what they stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.paths_told import picked_or_error, told_path, told_paths
from jupyter_remote_gpu.errors import RequestError

ROOT = Path("/home/me/project")
WAITING = ["notes.md", "out/a.py", "out/deep/b.py", "run.sh"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("data.csv", "notebooks/data.csv"),
        ("../outputs/", "outputs"),
        ("./*.csv", "notebooks/*.csv"),
        ("/home/me/project/a b", "a b"),
        ("..", ""),
    ],
)
def test_a_typed_path_is_the_project_s(text: str, path: str) -> None:
    assert told_path(ROOT, ROOT / "notebooks", text) == path


def test_a_path_as_it_is_shown_is_understood_too() -> None:
    folder = ROOT / "notebooks"
    assert told_paths(ROOT, folder, "notebooks/a.csv") == [
        "notebooks/notebooks/a.csv",
        "notebooks/a.csv",
    ]
    assert told_paths(ROOT, folder, "./a.csv") == ["notebooks/a.csv"]
    assert told_paths(ROOT, ROOT, "a.csv") == ["a.csv"]


@pytest.mark.parametrize("text", ["../../other", "/etc/passwd", "~/elsewhere"])
def test_a_path_outside_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="lies outside of the project"):
        told_path(ROOT, ROOT / "notebooks", text)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (["run.sh"], ["run.sh"]),
        (["out/"], ["out/a.py", "out/deep/b.py"]),
        (["*.py"], ["out/a.py", "out/deep/b.py"]),
        (["run.sh", "notes.md"], ["notes.md", "run.sh"]),
        ([""], WAITING),
        ([], []),
    ],
)
def test_paths_folders_and_patterns_stand_for_files(told: list[str], found: list[str]) -> None:
    assert picked_or_error(WAITING, told, "that waits") == found


def test_what_stands_for_nothing_brings_what_there_is() -> None:
    with pytest.raises(RequestError, match=r"there is no out2, \*\.txt that waits") as caught:
        picked_or_error(WAITING, ["run.sh", "out2", "*.txt"], "that waits")
    assert caught.value.hint == "There are: notes.md, out/a.py, out/deep/b.py, run.sh."
