"""Which project and which machine a command about files means."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.runs import FoundRun
from jupyter_remote_gpu.commands.settings import Settings
from jupyter_remote_gpu.commands.syncing import Files, files_of, sync_of_run
from jupyter_remote_gpu.errors import RequestError, UnknownMachineError
from jupyter_remote_gpu.machines.known import KnownMachine
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.session.project import workspace_name


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A list of machines with one called box."""
    found = Registry(tmp_path / "settings")
    found.add(KnownMachine("box", "box-host", (), False))
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a folder in it."""
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/deep").mkdir()
    return tmp_path / "repo"


def _settings(folder: Path) -> Settings:
    return Settings(folder / "home", folder / "settings", folder / "cache", ("ssh",), "", "")


def _run(script: str, folder: str, machine: str = "box") -> FoundRun:
    return FoundRun("1", machine, "k", script, "", "x", "ok", 0.0, 1.0, None, {}, folder)


def test_the_only_machine_is_meant(registry: Registry, project: Path) -> None:
    assert files_of(registry, project / "deep", None) == Files(project, project / "deep", "box")


def test_of_several_the_one_that_notebooks_use(registry: Registry, project: Path) -> None:
    registry.add(KnownMachine("lab", "lab-host", (), True))
    with pytest.raises(RequestError, match="which machine is not said: there are box, lab"):
        files_of(registry, project, None)
    registry.use(str(project), "lab")
    assert files_of(registry, project, None).machine == "lab"
    assert files_of(registry, project, "box").machine == "box"


def test_what_cannot_be_synced_is_told(
    registry: Registry, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestError, match="project's own folder"):
        files_of(registry, project, "embedded")
    with pytest.raises(UnknownMachineError):
        files_of(registry, project, "bos")
    monkeypatch.setenv("HOME", str(project))
    with pytest.raises(RequestError, match="never sent"):
        files_of(registry, project, None)


def test_a_run_is_of_the_project_whose_workspace_it_works_in(
    registry: Registry, project: Path, tmp_path: Path
) -> None:
    name = workspace_name(registry.client, project)
    script, folder = str(project / "deep/train.py"), f"/there/workspaces/{name}/project/deep"
    found = sync_of_run(_settings(tmp_path), registry, _run(script, folder))
    assert found is not None
    assert (found.root, found.machine) == (project, "box")
    other = folder.replace(name, "other-1234")
    assert sync_of_run(_settings(tmp_path), registry, _run(script, other)) is None
    assert sync_of_run(_settings(tmp_path), registry, _run("", folder)) is None
    assert sync_of_run(_settings(tmp_path), registry, _run(script, folder, "embedded")) is None
