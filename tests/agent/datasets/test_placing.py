"""Links to datasets: where they go, what they leave alone, and what Git sees of them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.datasets.placing import Placed, Placing, Wish
from jupyter_remote_gpu.errors import InTheWayError, UnsafePathError
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.scan import Project


@pytest.fixture
def placing(tmp_path: Path) -> Placing:
    """The links to two datasets, `one` and `two`; /kaggle/input is a folder of the test's."""
    for key in ("one", "two"):
        (tmp_path / "base" / "datasets" / key / "files").mkdir(parents=True)
    return Placing(tmp_path / "base", tmp_path / "kaggle" / "input")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def git(project: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(project), *words], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_what_is_placed_is_remembered_with_all_that_it_was_asked_as(
    placing: Placing, project: Path
) -> None:
    placing.place(project, "data/d", Wish("one", "kaggle://o/d@1", "o/d"))
    placing.place(project, "data/d", Wish("one", "kaggle://o/d@1", "kaggle://o/d"))
    asked = ("kaggle://o/d", "kaggle://o/d@1", "o/d")
    assert placing.placed(project) == {"data/d": Placed("one", "kaggle://o/d@1", asked)}
    placing.place(project, "data/d", Wish("two", "kaggle://o/d@2", "o/d"))
    assert placing.placed(project)["data/d"].asked == ("kaggle://o/d@2", "o/d")
    assert placing.places("one") == []
    placing.forget("two")
    assert placing.placed(project) == {}
    assert list((project / "data").iterdir()) == []


def test_a_sync_leaves_it_alone_in_both_directions(placing: Placing, project: Path) -> None:
    (project / "data").mkdir()
    (project / "data" / "mine.csv").write_text("1")
    placing.place(project, "data/d", Wish("news-0123456789abcdef01234567", "t", "a"))
    for sending in (True, False):
        rules = partial(Ignore, project, sending=sending)
        found = Project(project, rules, Index())
        found.scan()
        assert set(found.index.tree()) == {b"data", b"data/mine.csv"}


def test_a_folder_of_data_alone_is_no_folder_of_the_project(
    placing: Placing, project: Path
) -> None:
    placing.place(project, "data/d", Wish("news-0123456789abcdef01234567", "t", "a"))
    found = Project(project, partial(Ignore, project, sending=False), Index())
    found.scan()
    assert set(found.index.tree()) == set()
    (project / "data" / "mine.csv").write_text("1")
    assert set(found.look_at([b"data/mine.csv"]).changed) == {b"data", b"data/mine.csv"}
    assert set(found.left_out) == {b"data/d"}
    (project / "data" / "mine.csv").unlink()
    found.look_at([b"data/mine.csv"])
    found.scan()
    assert set(found.index.tree()) == {b"data"}


@pytest.mark.parametrize("at", ["../out", "/tmp/out", "a/../../out"])
def test_no_link_lies_outside_the_project(placing: Placing, project: Path, at: str) -> None:
    with pytest.raises(UnsafePathError):
        placing.place(project, at, Wish("one", "t", "a"))


def test_a_folder_that_leads_out_is_not_written_to(
    placing: Placing, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (project / "data").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafePathError, match="leads out"):
        placing.place(project, "data/d", Wish("one", "t", "a"))
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_link_of_somebody_elses_is_in_the_way(placing: Placing, project: Path) -> None:
    (project / "d").symlink_to("/etc")
    with pytest.raises(InTheWayError):
        placing.place(project, "d", Wish("one", "t", "a"))


def test_other_data_of_the_same_name_take_no_place(placing: Placing, project: Path) -> None:
    placing.place(project, "data/d", Wish("one", "kaggle://o/d@1", "o/d", "kaggle://o/d"))
    other = Wish("two-89abcdef01234567", "kaggle://p/d@1", "p/d", "kaggle://p/d")
    (placing.root / other.key / "files").mkdir(parents=True)
    with pytest.raises(InTheWayError, match=r"data/d is there already, and is kaggle://o/d@1"):
        placing.place(project, "data/d", other)
    link, note = placing.place(project, "data/d", replace(other, aside=True))
    assert (link, note) == (project / "data/d-89abcdef", "data/d is kaggle://o/d@1")
    assert (project / "data/d").resolve().parent.name == "one"


def test_another_version_is_told_or_lies_beside(placing: Placing, project: Path) -> None:
    placing.place(project, "data/d", Wish("one", "kaggle://o/d@1", "o/d@1", "kaggle://o/d"))
    second = Wish("two", "kaggle://o/d@2", "o/d@2", "kaggle://o/d")
    link, note = placing.place(project, "data/d", replace(second, aside=True))
    assert (link, note) == (project / "data/d-two", "data/d is kaggle://o/d@1")
    link, note = placing.place(project, "data/d", second)
    assert (link, note) == (project / "data/d", "data/d was kaggle://o/d@1 until now")
    assert placing.place(project, "data/d", second)[1] == ""


def test_a_newer_version_of_what_was_asked_for_takes_its_place(
    placing: Placing, project: Path
) -> None:
    wish = Wish("one", "kaggle://o/d@1", "o/d", "kaggle://o/d", aside=True)
    placing.place(project, "data/d", wish)
    newer = replace(wish, key="two", text="kaggle://o/d@2")
    assert placing.place(project, "data/d", newer) == (project / "data/d", "")


def test_git_sees_no_link_in_a_repository_or_in_a_worktree_of_one(
    placing: Placing, project: Path, tmp_path: Path
) -> None:
    git(project, "init", "-q")
    git(project, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m.")
    git(project, "worktree", "add", "-q", str(tmp_path / "tree"))
    (project / ".gitignore").write_text("data/\n")  # which matches no link
    for root in (project, tmp_path / "tree"):
        (root / "sub").mkdir()
        placing.place(root / "sub", "data/d[1]", Wish("one", "t", "a"))
        placing.place(root / "sub", "data/d[1]", Wish("one", "t", "a"))
    assert git(project, "status", "--porcelain", "-uall") == "?? .gitignore\n"
    assert git(tmp_path / "tree", "status", "--porcelain", "-uall") == ""
    excluded = (project / ".git/info/exclude").read_text().splitlines()
    assert excluded.count("/sub/data/d\\[1]") == 1
