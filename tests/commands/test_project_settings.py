"""What a project's files set for its remote cells: the data they want."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.project_settings import (
    ProjectSettings,
    WantedData,
    with_named,
)
from jupyter_remote_gpu.errors import RequestError

BROKEN = {
    'datasets = ["nonsense"]': "entry 1 of datasets: 'nonsense' is no address of data",
    'datasets = ["a/b", {as = "x"}]': "entry 2 of datasets is neither an address nor a table",
    'datasets = [{address = "a/b", called = "x"}]': "entry 1 of datasets is neither an address",
    "datasets = [3]": "entry 1 of datasets is neither an address",
    'datasets = [{address = "a/b", as = 1}]': "address and as are texts",
    'datasets = [{address = "a/b", as = "../x"}]': "Data cannot be called '../x'",
    'datasets = "a/b"': "datasets is no list",
    'datasets = ["a/b", "c/b"]': "two entries of datasets are both data/b",
    'dataset = ["a/b"]': "dataset in [tool.jupyter_remote_gpu] is no setting",
    'datasets = ["a/b" "c/d"]': "line 2",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in a home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project/.git").mkdir(parents=True)
    (tmp_path / "project/notebooks").mkdir()
    return tmp_path / "project"


def _sets(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.jupyter_remote_gpu]\n{text}\n")


def test_the_nearest_file_that_sets_something_counts(project: Path) -> None:
    (project.parent / ".remotegpu.toml").write_text('datasets = ["out/side"]')
    settings = ProjectSettings(project / "notebooks")
    assert settings.data() == ()
    _sets(project, 'datasets = ["kaggle://a/b", {address = "hf://datasets/c/d", as = "e"}]')
    assert settings.data() == (
        WantedData("kaggle://a/b"),
        WantedData("hf://datasets/c/d", "e"),
    )
    assert settings.file == project / "pyproject.toml"
    (project / "notebooks/pyproject.toml").write_text("[tool.ruff]\n")
    assert len(settings.data()) == 2
    (project / "notebooks/.remotegpu.toml").write_text("datasets = ['f/g']")
    assert settings.data() == (WantedData("f/g"),)


def test_an_edit_counts_when_it_is_asked_next(project: Path) -> None:
    settings = ProjectSettings(project)
    _sets(project, 'datasets = ["a/b"]')
    first = settings.data()
    assert settings.data() is first
    _sets(project, 'datasets = ["a/other"]')
    assert settings.data() == (WantedData("a/other"),)
    (project / "pyproject.toml").unlink()
    assert (settings.data(), settings.file) == ((), None)


def test_paths_are_relative_to_the_file(project: Path) -> None:
    (project / "raw").mkdir()
    _sets(project, 'datasets = ["raw", "../other/items.zip", "/data/x"]')
    found = ProjectSettings(project / "notebooks").data()
    assert found == (
        WantedData(str(project / "raw"), lies_here=True),
        WantedData(str(project / "../other/items.zip"), lies_here=True),
        WantedData("/data/x", lies_here=True),
    )


@pytest.mark.parametrize(("text", "told"), BROKEN.items())
def test_what_is_wrong_is_told_with_its_place(project: Path, text: str, told: str) -> None:
    _sets(project, text)
    settings = ProjectSettings(project)
    for _ in range(2):
        with pytest.raises(RequestError) as raised:
            settings.data()
        assert told in raised.value.message
        assert str(project / "pyproject.toml") in raised.value.message
        assert raised.value.hint


def test_two_places_in_one_folder_are_refused(project: Path) -> None:
    _sets(project, "")
    (project / ".remotegpu.toml").write_text("")
    with pytest.raises(RequestError, match="both have settings"):
        ProjectSettings(project).data()


def test_a_table_of_another_spelling_is_told(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.jupyter-remote-gpu]\n")
    with pytest.raises(RequestError, match=r"\[tool.jupyter-remote-gpu\], which says nothing"):
        ProjectSettings(project).data()


def test_a_project_file_that_is_not_ours_to_read_stays_unread(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool\n")
    assert ProjectSettings(project).data() == ()


def test_what_is_named_twice_is_wanted_once() -> None:
    entry = WantedData("a/b", "x")
    assert with_named((entry,), ("a/b", "c/d")) == (entry, WantedData("c/d"))
