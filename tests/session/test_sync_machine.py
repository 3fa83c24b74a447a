"""Cells on a machine see the project's files and modules, and what they write comes back."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from jupyter_remote_gpu.agent.home import found_homes
from jupyter_remote_gpu.commands.own_python import OwnPython
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.project import workspace_name
from jupyter_remote_gpu.session.sync import SMALL_BYTES, ProjectSync
from jupyter_remote_gpu.transport.local import lock_holder
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        with opened(tmp_path_factory.mktemp("ssh"), tmp_path_factory.mktemp("cache")) as found:
            yield found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def bench(machine: Machine, project: Project) -> Bench:
    return bench_of(machine, project)


def bench_of(machine: Machine, project: Project) -> Bench:
    """Return a session whose project's files follow."""
    name = workspace_name("client", project.folder)
    state = machine.cache / "state"
    told = machine.steps.append
    files = ProjectSync(project.folder, state, "test", name, trusted=True, told=told)
    return machine.bench(project, files=files)


def shown(bench: Bench, code: str) -> str:
    """Run a cell there and return what it printed."""
    bench.front_end.notes.clear()
    assert bench.remote(PATH + code).error is None
    return bench.front_end.text()


def test_cells_use_the_project_s_files_and_what_they_write_comes_back(
    bench: Bench, project: Project
) -> None:
    here = project.folder
    write(here, {"train.py": "def loss():\n    return 1\n", "data/a.csv": "1,2", ".env": "KEY=1"})
    code = (
        "import train\n"
        "print(train.loss(), Path('data/a.csv').read_text(), Path('.env').exists())\n"
        "Path('out').mkdir()\n"
        "_ = Path('out/b.csv').write_text('made there')\n"
    )
    assert shown(bench, code) == "1 1,2 False\n"
    assert read(here)["out/b.csv"] == "made there"
    # An edit is there when the next cell runs.
    write(here, {"data/a.csv": "3,4"})
    assert shown(bench, "print(Path('data/a.csv').read_text())") == "3,4\n"
    assert bench.front_end.notes == []


def test_what_a_large_file_needs_no_cell_waits_for(bench: Bench, project: Project) -> None:
    code = f"import random\n_ = Path('m.pt').write_bytes(random.Random(1).randbytes({SIZE}))"
    shown(bench, code)
    assert not any("m.pt" in note for note in bench.front_end.notes), "nothing came in the cell"
    assert shown(bench, "print('next')") == "next\n"
    until(lambda: (project.folder / "m.pt").exists())
    assert (project.folder / "m.pt").read_bytes() == random.Random(1).randbytes(SIZE)
    shown(bench, "pass")
    assert any("came back: m.pt" in note for note in bench.front_end.notes)


SIZE = SMALL_BYTES + 1000


def test_files_that_are_gone_there_are_noticed_before_anything_runs(
    bench: Bench, project: Project, machine: Machine
) -> None:
    write(project.folder, {"a.txt": "a", "b.txt": "b"})
    assert shown(bench, "print(Path('a.txt').read_text())") == "a\n"
    there = machine.base / "workspaces" / workspace_name("client", project.folder) / "project"
    (there / "a.txt").unlink()
    write(project.folder, {"b.txt": "new"})
    # what is gone there is gone here: a cell may have removed it
    assert shown(bench, "print(Path('a.txt').exists(), Path('b.txt').read_text())") == "False new\n"
    assert not (project.folder / "a.txt").exists()
    # A workspace that lost all of its files was not emptied by anybody.
    for path in there.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    write(project.folder, {"b.txt": "newer"})
    assert bench.remote("1").error is None
    assert (there / "b.txt").read_text() == "newer"
    assert (there / "train.py").exists()


def test_an_agent_that_is_killed_while_files_move_costs_nothing(
    bench: Bench, project: Project, machine: Machine
) -> None:
    data = random.Random(4).randbytes(40_000_000)
    kills = 0

    def kill(step: Step) -> None:
        nonlocal kills
        if step.what.startswith(("sending the project", "bringing")) and kills == 0:
            kills += 1
            agent = lock_holder(next(iter(found_homes(machine.base / "home"))).lock)
            assert agent is not None
            os.kill(agent, signal.SIGKILL)

    files = bench.session.place.files
    assert files is not None
    write(project.folder, {"big.bin": data})
    files.sync(kill)
    assert kills == 1
    code = (
        "d = Path('big.bin').read_bytes()\n_ = Path('back.bin').write_bytes(d[::-1])\nprint(len(d))"
    )
    assert shown(bench, code) == f"{len(data)}\n"
    agent = lock_holder(next(iter(found_homes(machine.base / "home"))).lock)
    if agent is not None:
        os.kill(agent, signal.SIGKILL)
    until(lambda: (project.folder / "back.bin").exists())
    assert (project.folder / "back.bin").read_bytes() == data[::-1]


def test_modules_edited_here_are_new_there(bench: Bench, project: Project) -> None:
    source = "class Net:\n    def run(self): return {0}\ndef step(): return {0}\n"
    write(project.folder, {"net.py": source.format(1), "pkg/part.py": "A = 1"})
    assert shown(bench, "import net, pkg.part\nfrom net import Net, step\nx = Net()") == ""
    for number in (2, 3):  # of one size, perhaps within a second
        write(project.folder, {"net.py": source.format(number), "pkg/part.py": f"A = {number}"})
        found = shown(bench, "print(x.run(), step(), pkg.part.A, type(x) is Net is net.Net)")
        assert found == f"{number} {number} {number} True\n"
    write(project.folder, {"net.py": "def step( = 4"})
    assert shown(bench, "print(step())") == "3\n"
    assert any("net.py could not be loaded anew" in note for note in bench.front_end.notes)


def test_another_session_goes_on(bench: Bench, project: Project, machine: Machine) -> None:
    write(project.folder, {"a.txt": "a"})
    shown(bench, "_ = Path('r.txt').write_text('r')")
    other = bench_of(machine, project)
    assert shown(other, "print(Path('a.txt').read_text(), Path('r.txt').read_text())") == "a r\n"


def test_attaching_brings_what_was_written_meanwhile(
    bench: Bench, project: Project, machine: Machine
) -> None:
    shown(bench, "pass")
    there = machine.base / "workspaces" / workspace_name("client", project.folder) / "project"
    (there / "late.txt").write_text("late")
    other = bench_of(machine, project)
    left = other.session.survivors()
    assert other.session.attach(left[-1]) is not None
    assert (project.folder / "late.txt").read_text() == "late"


def test_an_interpreter_of_the_machine_gets_the_project_too(
    project: Project, machine: Machine
) -> None:
    way = ReachedMachine(machine.host.target(), "token", machine.cache, machine.steps.append)
    name = workspace_name("client", project.folder)
    files = ProjectSync(project.folder, machine.cache / "own", "test", name, trusted=True)
    place = OwnPython("own.ipynb", sys.executable, way, files, name, "below/it")
    write(project.folder, {"below/it/x.txt": "x"})
    bench = Bench(way, project.folder, place=place)
    try:
        assert shown(bench, "print(Path('x.txt').read_text())") == "x\n"
    finally:
        bench.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for what the background does."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
