"""Cells on a machine see the project's files and modules, and what they write comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.session.project import workspace_name
from jupyter_remote_gpu.session.sync import ProjectSync
from tests.files.trees import read, write
from tests.session.recording import Bench
from tests.session.test_environment import Machine, Project, opened
from tests.ssh_host import SSHD

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(SSHD is None, reason="no OpenSSH server is installed"),
]


PATH = "from pathlib import Path\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with opened(tmp_path_factory.mktemp("ssh"), tmp_path_factory.mktemp("cache")) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.fixture
def bench(machine: Machine, project: Project) -> Bench:
    return bench_of(machine, project)


def bench_of(machine: Machine, project: Project) -> Bench:
    """Return a session whose project's files follow."""
    name = workspace_name("client", project.folder)
    state = project.folder.parent / "state"
    files = ProjectSync(
        project.folder, state, "test", name, trusted=True, told=machine.steps.append
    )
    return machine.bench(project, files=files)


def test_cells_use_the_project_s_files_and_what_they_write_comes_back(
    bench: Bench, project: Project, machine: Machine
) -> None:
    here = project.folder
    write(here, {"train.py": "def loss():\n    return 1\n", "data/a.csv": "1,2", ".env": "KEY=1"})
    code = (
        "import train\n"
        "from pathlib import Path\n"
        "print(train.loss(), Path('data/a.csv').read_text(), Path('.env').exists())\n"
        "Path('out').mkdir()\n"
        "_ = Path('out/b.csv').write_text('made there')\n"
    )
    assert bench.remote(code).error is None
    assert bench.front_end.text() == "1 1,2 False\n"
    assert read(here)["out/b.csv"] == "made there"
    # An edit is there when the next cell runs, whatever imported the module before.
    write(here, {"data/a.csv": "3,4"})
    assert bench.remote("print(Path('data/a.csv').read_text())").error is None
    assert bench.front_end.text() == "3,4\n"
    assert bench.front_end.notes == [n for n in bench.front_end.notes if "files" not in n]


def test_a_run_whose_files_were_removed_there_gets_them_again(
    bench: Bench, project: Project, machine: Machine
) -> None:
    write(project.folder, {"a.txt": "a", "b.txt": "b"})
    assert bench.remote(f"{PATH}print(Path('a.txt').read_text())").error is None
    name = workspace_name("client", project.folder)
    there = machine.base / "workspaces" / name / "project"
    (there / "a.txt").unlink()
    write(project.folder, {"b.txt": "new"})
    # what is gone there is gone here: a cell may have removed it
    assert bench.remote("print(*Path().iterdir(), Path('b.txt').read_text())").error is None
    assert bench.front_end.text() == "b.txt new\n"
    assert read(project.folder) == {"b.txt": "new"}


def test_another_session_goes_on(bench: Bench, project: Project, machine: Machine) -> None:
    write(project.folder, {"a.txt": "a"})
    bench.remote(f"{PATH}_ = Path('r.txt').write_text('r')")
    other = bench_of(machine, project)
    assert (
        other.remote(f"{PATH}print(Path('a.txt').read_text(), Path('r.txt').read_text())").error
        is None
    )
    assert other.front_end.text() == "a r\n"
