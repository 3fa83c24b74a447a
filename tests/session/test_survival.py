"""Runs survive their agent and their notebook; a kernel's death is told."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.agent.home import open_home
from tests.conftest import Notebooks
from tests.notebook import Notebook

COUNT = 300
COUNTING = f"import time\nfor i in range({COUNT}):\n    print(i); time.sleep(0.005)\nlast = i"
LINES = "".join(f"{i}\n" for i in range(COUNT))


@pytest.fixture
def own_notebook(notebooks: Notebooks, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """A notebook with an agent of its own, for tests that kill parts of it."""
    opened = notebooks.open(request.node.originalname)
    yield opened
    opened.close()


def agent_pid(home: Path) -> int:
    return int(open_home(home).lock.read_text())


def once_seen(text: str, act: Callable[[], None]) -> Callable[[dict[str, Any]], None]:
    """Return a hook that acts, once, when a cell has printed `text`."""
    done: list[bool] = []

    def hook(message: dict[str, Any]) -> None:
        if not done and text in str(message["content"].get("text", "")):
            done.append(True)
            act()

    return hook


def test_an_agent_killed_mid_run_costs_nothing(own_notebook: Notebook) -> None:
    own_notebook.remote("pass")
    before = agent_pid(own_notebook.home)
    kill = once_seen("50\n", lambda: os.kill(before, signal.SIGKILL))
    shown = own_notebook.remote(COUNTING, on_message=kill)
    assert shown.text() == LINES
    assert agent_pid(own_notebook.home) != before
    assert "reconnecting" in shown.line()
    assert "connected again" in shown.line()
    assert own_notebook.remote("print(last)").text() == f"{COUNT - 1}\n"


def test_an_agent_killed_between_cells_is_not_noticed(own_notebook: Notebook) -> None:
    own_notebook.remote("x = 5")
    os.kill(agent_pid(own_notebook.home), signal.SIGKILL)
    shown = own_notebook.remote("print(x)")
    assert (shown.status, shown.text()) == ("ok", "5\n")


def test_an_adopted_kernel_can_be_interrupted_and_asked(own_notebook: Notebook) -> None:
    own_notebook.remote("pass")
    os.kill(agent_pid(own_notebook.home), signal.SIGKILL)
    shown = own_notebook.remote("print(input('? '))", answer="typed")
    assert shown.text() == "typed\n"
    endless = "print('ready')\nwhile True: pass"
    shown = own_notebook.remote(endless, on_message=own_notebook.interrupt_at("ready"))
    assert shown.ename() == "KeyboardInterrupt"


def test_a_notebook_killed_mid_run_is_shown_what_it_missed(
    own_notebook: Notebook, notebooks: Notebooks, request: pytest.FixtureRequest
) -> None:
    waiting = (
        "import os, time\nprint('begun', flush=True)\n"
        "while not os.path.exists('go'): time.sleep(0.01)\nprint('ended')\nresult = 6 * 7"
    )
    own_notebook.client.execute(f"%%remote_gpu\n{waiting}")
    while own_notebook.client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
        pass
    own_notebook.kill()
    again = notebooks.open(request.node.originalname)
    try:
        (again.machine_folder / "go").touch()
        shown = again.run("%remote_gpu attach")
        assert shown.text() == "begun\nended\n"
        assert again.run("result").displays() == [{"text/plain": "42"}]
        assert again.remote("print(result + 1)").text() == "43\n"
    finally:
        again.close()


def test_a_cell_that_starts_anew_beside_what_was_left_says_so(
    own_notebook: Notebook, notebooks: Notebooks, request: pytest.FixtureRequest
) -> None:
    waiting = "import os, time\nprint('begun', flush=True)\nfor _ in range(6000): time.sleep(0.1)"
    own_notebook.client.execute(f"%%remote_gpu\n{waiting}")
    while own_notebook.client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
        pass
    own_notebook.kill()
    again = notebooks.open(request.node.originalname)
    try:
        shown = again.remote("print('new')")
        assert shown.text() == "new\n"
        assert "an earlier one of this notebook is still there, and a run in it" in shown.line()
        assert "earlier one" not in again.remote("print('next')").line()
        again.run("%remote_gpu stop")
        stop = again.interrupt_at("begun")
        assert again.run("%remote_gpu attach", on_message=stop).ename() == "KeyboardInterrupt"
        again.run("%remote_gpu stop")
        assert "earlier one" not in again.remote("print('alone')").line()
    finally:
        again.close()


def test_attach_without_anything_left_says_so(own_notebook: Notebook) -> None:
    assert own_notebook.run("%remote_gpu attach").ename() == "NotAvailableError"


def test_a_killed_kernel_is_told_with_what_was_lost_and_what_not(own_notebook: Notebook) -> None:
    own_notebook.run("here = [1]")
    own_notebook.remote("there = [2]\nprint(here)")
    shown = own_notebook.remote("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert shown.ename() == "KernelDiedError"
    error = shown.error()
    assert "memory" in error
    assert "there" in error.partition("Lost:")[2].partition("Not lost")[0]
    assert own_notebook.run("here").displays() == [{"text/plain": "[1]"}]
    lost = own_notebook.run("there")
    assert lost.ename() == "LostError" or "LostError" in lost.error()
    assert own_notebook.remote("print('a new one', here)").text() == "a new one [1]\n"


def test_a_crashed_kernel_names_the_signal(own_notebook: Notebook) -> None:
    shown = own_notebook.remote("import ctypes\nctypes.string_at(0)")
    assert shown.ename() == "KernelDiedError"
    assert "SIGSEGV" in shown.error()


def test_a_kernel_that_dies_between_cells_is_told_by_the_next(own_notebook: Notebook) -> None:
    pid = own_notebook.remote("there = 1\nimport os\nprint(os.getpid())").text()
    os.kill(int(pid), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{int(pid)}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    shown = own_notebook.run("there")
    assert "LostError" in shown.error() or "KernelDiedError" in shown.error()
    assert own_notebook.remote("print('on')").text() == "on\n"


def test_closing_the_notebook_ends_an_idle_kernel(own_notebook: Notebook) -> None:
    pid = int(own_notebook.remote("import os\nprint(os.getpid())").text())
    own_notebook.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


def test_restart_and_stop(own_notebook: Notebook) -> None:
    first = own_notebook.remote("import os\nonly = 1\nprint(os.getpid())").text()
    text = own_notebook.run("%remote_gpu restart").text()
    assert "only" in text
    second = own_notebook.remote("import os\nprint(os.getpid())").text()
    assert first != second
    assert "stopped" in own_notebook.run("%remote_gpu stop").text()
    assert "nothing was running" in own_notebook.run("%remote_gpu stop").text()
    assert own_notebook.remote("print(1)").text() == "1\n"


def test_runs_are_listed(own_notebook: Notebook) -> None:
    own_notebook.remote("first = 1")
    own_notebook.remote("1/0")
    text = own_notebook.run("%remote_gpu runs").text()
    assert "first = 1" in text
    assert "error (ZeroDivisionError)" in text
