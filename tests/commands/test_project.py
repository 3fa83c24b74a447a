"""Which folder is the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.project import holds_home, project_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's home, which is a repository of settings."""
    (tmp_path / "ada/.git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    return tmp_path / "ada"


def test_the_nearest_repository_is_the_project(home: Path) -> None:
    (home / "work/repo/.git").mkdir(parents=True)
    (home / "work/repo/deep/er").mkdir(parents=True)
    assert project_folder(home / "work/repo/deep/er") == home / "work/repo"
    assert project_folder(home / "work/repo") == home / "work/repo"


def test_a_home_that_is_a_repository_is_no_project_of_what_lies_in_it(home: Path) -> None:
    assert project_folder(home / "work/plain") == home / "work/plain"
    assert project_folder(home) == home


def test_what_holds_the_home_is_known(home: Path) -> None:
    assert [holds_home(one) for one in (home, home.parent, Path("/"), home / "work")] == [
        True,
        True,
        True,
        False,
    ]
