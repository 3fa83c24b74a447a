"""Spare kernels: there when wanted, gone with their agent, like fresh ones to the user."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.home import open_home
from tests.conftest import Notebooks
from tests.notebook import Notebook


def wait_for(found: Callable[[], list[int]], count: int) -> list[int]:
    deadline = time.monotonic() + 60
    while len(found()) != count:
        assert time.monotonic() < deadline, f"{found()} where {count} were expected"
        time.sleep(0.05)
    return found()


def processes(home: Path, word: str) -> list[int]:
    """Processes of a machine's home whose command line has `word`, without the agent."""
    folder = str(open_home(home).runtime)
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if word in line and (folder in line or word == "--warm"):
            found.append(int(path.parent.name))
    return sorted(found)


def spare_folders(home: Path) -> list[int]:
    """Kernels whose state line stands but which no notebook has."""
    runtime = open_home(home).runtime
    return [
        1
        for path in (home / "kernels").iterdir()
        if not (path / "kernel.json").exists() and (runtime / path.name / "line.sock").exists()
    ]


@pytest.fixture
def machine(notebooks: Notebooks, request: pytest.FixtureRequest) -> Notebook:
    return notebooks.open(request.node.originalname)


def test_a_second_kernel_is_the_spare_one_and_like_a_fresh_one(machine: Notebook) -> None:
    before = machine.remote(PORTRAIT).text()
    wait_for(lambda: spare_folders(machine.home), 1)
    machine.run("%remote_gpu restart")
    after = machine.remote(PORTRAIT).text()
    assert after.splitlines()[1:] == before.splitlines()[1:]
    assert after.splitlines()[0] != before.splitlines()[0]
    assert (
        "numpy"
        in machine.remote("import sys; print([m for m in ('numpy',) if m in sys.modules])").text()
    )
    # It is watched like any other.
    shown = machine.remote("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert "signal 9" in shown.error()


PORTRAIT = """
import os, random, signal, sys
print(os.getpid(), random.random())
print(os.getcwd(), sys.executable, sys.path[0], sorted(os.environ) == sorted(set(os.environ)))
print(os.getsid(0) == os.getpid(), signal.getsignal(signal.SIGCHLD))
print(__name__, sorted(n for n in globals() if not n.startswith("_")))
"""


def test_a_spare_kernel_ends_with_its_agent(machine: Notebook) -> None:
    machine.remote("pass")
    wait_for(lambda: spare_folders(machine.home), 1)
    lock = open_home(machine.home).lock
    os.kill(int(lock.read_text()), signal.SIGKILL)
    assert machine.remote("print('on')").text() == "on\n"
    # One kernel has a notebook; the old spare one must go, and no second comes by itself.
    pids = {
        int(path.read_text().partition('"pid": ')[2].partition(",")[0])
        for path in machine.home.glob("kernels/*/kernel.json")
    }
    assert len(pids) == 1
    ours = f"{machine.home}"

    def kernels() -> list[int]:
        return [
            int(p.parent.name)
            for p in Path("/proc").glob("[0-9]*/maps")
            if int(p.parent.name) not in pids and _cwd(p.parent).startswith(ours)
        ]

    wait_for(kernels, 0)


def _cwd(process: Path) -> str:
    try:
        return os.readlink(process / "cwd")
    except OSError:
        return ""
