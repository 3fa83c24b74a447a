"""Kaggle's own paths: public notebooks find their data there, unchanged, where that can be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.datasets.placing import Placing, Wish
from tests.files.trees import write

FILES = {"train/0/a.csv": "1\n", "train/1/b.csv": "2\n", "items.csv": "id\n"}
WALK = [f"{name}/{path}" for name in ("one", "two") for path in sorted(FILES)]


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """What stands for /kaggle/input."""
    return tmp_path / "kaggle" / "input"


@pytest.fixture
def placing(tmp_path: Path, kaggle: Path) -> Placing:
    """The places of two datasets, `one` and `two`."""
    for key in ("one", "two"):
        write(tmp_path / "base" / "datasets" / key / "files", FILES)
    return Placing(tmp_path / "base", kaggle)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "base" / "workspaces" / "w" / "project"
    made.mkdir(parents=True)
    return made


def walked(top: Path) -> list[str]:
    """Return what the first cell of a public notebook prints, below `top`."""
    return sorted(
        os.path.relpath(os.path.join(folder, name), top)
        for folder, _, names in os.walk(top)
        for name in names
    )


def test_the_first_cell_of_a_public_notebook_sees_all_files(
    placing: Placing, project: Path, kaggle: Path
) -> None:
    for key in ("one", "two"):
        assert placing.place_for_kaggle(project, key, key) == (str(kaggle / key), "")
    assert walked(kaggle) == sorted(WALK)
    assert (kaggle / "two/train/1/b.csv").read_text() == "2\n"
    placing.kaggle.link_beside(project)
    assert os.listdir(os.path.join(project, "..", "input")) == os.listdir(kaggle)
    assert walked(project.parent / "input") == sorted(WALK)


def test_it_takes_no_room_and_goes_with_the_data(
    placing: Placing, project: Path, kaggle: Path
) -> None:
    placing.place_for_kaggle(project, "d", "one")
    before = (kaggle / "d").stat().st_ino
    assert placing.place_for_kaggle(project, "d", "one")[0]
    assert (kaggle / "d").stat().st_ino == before
    file = placing.root / "one/files/items.csv"
    assert file.stat().st_nlink == 2
    assert stat.S_IMODE((kaggle / "d/train").stat().st_mode) == 0o555
    placing.forget("one")
    assert (file.stat().st_nlink, walked(kaggle)) == (1, [])


def test_a_model_has_the_path_of_its_version(placing: Placing, project: Path, kaggle: Path) -> None:
    placing.place_for_kaggle(project, "bert/pytorch/small/1", "one")
    placing.place_for_kaggle(project, "bert/pytorch/small/2", "two")
    assert (kaggle / "bert/pytorch/small/2/items.csv").read_text() == "id\n"
    placing.forget("one")
    assert os.listdir(kaggle / "bert/pytorch/small") == ["2"]


def test_a_name_that_another_project_has_is_kept(
    placing: Placing, project: Path, kaggle: Path
) -> None:
    other = project.parents[1] / "other" / "project"
    other.mkdir(parents=True)
    placing.place(other, "data/d", Wish("one", "t", "a"))
    placing.place_for_kaggle(other, "d", "one")
    found, why = placing.place_for_kaggle(project, "d", "two")
    assert found == ""
    assert "another project on this machine has other data" in why
    (other / "data/d").unlink()
    assert placing.place_for_kaggle(project, "d", "two") == (str(kaggle / "d"), "")


def test_a_folder_of_somebody_elses_is_used_and_left(
    placing: Placing, project: Path, kaggle: Path
) -> None:
    write(kaggle, {"theirs/x": "x", "one/y": "y"})
    assert placing.place_for_kaggle(project, "two", "two")[0] == str(kaggle / "two")
    assert (kaggle / "two/items.csv").read_text() == "id\n"
    found, why = placing.place_for_kaggle(project, "one", "one")
    assert (found, (kaggle / "one/y").read_text()) == ("", "y")
    assert "was left alone" in why
    placing.forget("two")
    assert sorted(os.listdir(kaggle)) == ["one", "theirs"]


def test_somebody_elses_data_are_not_written_to(
    placing: Placing, project: Path, kaggle: Path, tmp_path: Path
) -> None:
    write(tmp_path / "theirs", {"d/x": "x"})
    kaggle.parent.mkdir()
    kaggle.symlink_to(tmp_path / "theirs")
    found, why = placing.place_for_kaggle(project, "one", "one")
    assert (found, why) == ("", f"{kaggle} on this machine leads to somebody else's data")
    assert os.listdir(kaggle) == ["d"]


def test_where_it_cannot_be_the_way_to_allow_it_is_told(
    placing: Placing, project: Path, kaggle: Path, tmp_path: Path
) -> None:
    closed = tmp_path / "file"
    closed.write_text("")
    elsewhere = Placing(tmp_path / "base", closed / "kaggle" / "input")
    found, why = elsewhere.place_for_kaggle(project, "d", "one")
    assert found == ""
    assert f"sudo mkdir -p {closed / 'kaggle'} && sudo chown" in why
    elsewhere.kaggle.link_beside(project)
    assert walked(project.parent / "input") == [f"d/{path}" for path in sorted(FILES)]
