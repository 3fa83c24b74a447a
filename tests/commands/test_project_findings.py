"""What `doctor` says of the project one is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.project_findings import look_at_project
from jupyter_remote_gpu.files.watch import why_not


@pytest.fixture
def limit(tmp_path: Path) -> Path:
    """A system that watches 100 folders."""
    path = tmp_path / "max_user_watches"
    path.write_text("100\n")
    return path


def test_a_home_folder_is_never_sent(
    tmp_path: Path, limit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    for folder in (tmp_path / "ada", tmp_path):
        folder.mkdir(exist_ok=True)
        (one,) = look_at_project(folder, limit)
        assert (one.what, one.state) == ("project", "warning")
        assert "never sent" in one.text


def test_a_cloud_folder_is_told_of(tmp_path: Path, limit: Path) -> None:
    project = tmp_path / "OneDrive/project"
    (project / ".git").mkdir(parents=True)
    found = {one.what: one for one in look_at_project(project, limit)}
    assert found["cloud folder"].state == "warning"
    assert "OneDrive keeps in step" in found["cloud folder"].text


def test_more_folders_than_can_be_watched(tmp_path: Path, limit: Path) -> None:
    if why_not(tmp_path):
        pytest.skip(f"left out: {why_not(tmp_path)}")
    for number in range(60):
        (tmp_path / f"project/{number}").mkdir(parents=True)
    found = {one.what: one for one in look_at_project(tmp_path / "project", limit)}
    assert found["changes"].state == "warning"
    assert "61 folders" in found["changes"].text
    assert "sysctl" in found["changes"].advice
    limit.write_text("1000")
    found = {one.what: one for one in look_at_project(tmp_path / "project", limit)}
    assert found["changes"].state == "good"


def test_what_the_projects_settings_name(tmp_path: Path, limit: Path) -> None:
    settings = tmp_path / "project/.remotegpu.toml"
    settings.parent.mkdir()
    settings.write_text('datasets = ["kaggle://a/b"]')
    found = {one.what: one for one in look_at_project(settings.parent, limit)}
    assert (found["project's data"].state, found["project's data"].text) == (
        "good",
        f"{settings} names kaggle://a/b",
    )
    settings.write_text("datasets = 1")
    found = {one.what: one for one in look_at_project(settings.parent, limit)}
    assert found["project's data"].state == "bad"
    assert "datasets is no list" in found["project's data"].text
    assert found["project's data"].advice
