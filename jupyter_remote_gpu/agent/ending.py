"""End what an agent's home has running: its agent and every kernel it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

from jupyter_remote_gpu.transport.local import lock_holder

from .home import found_homes
from .process import signal_group, start_time

END_SECONDS = 5.0


def end_agent(home: Path) -> None:
    """End the agent of `home` and wait until it is gone; its kernels go on.

    One that does not end when asked is killed: it keeps nothing that is not on
    disk. May block for twice `END_SECONDS`.
    """
    for where in found_homes(home):
        agent = lock_holder(where.lock)
        if agent is not None:
            _end(agent)


def end_machine(home: Path) -> None:
    """End the agent of `home`, then its kernels, and wait until they are gone.

    What runs in a kernel is lost. Numbers that have become other processes'
    since are told apart and spared. May block for `END_SECONDS`.
    """
    end_agent(home)
    kernels = {}
    for path in home.glob("kernels/*/kernel.json"):
        found = json.loads(path.read_text())
        if start_time(found["pid"]) == found["mark"]:
            kernels[int(found["pid"])] = found["mark"]
            signal_group(found["pid"], signal.SIGKILL)
    _wait_gone(kernels)


def _end(agent: int) -> None:
    mark = start_time(agent)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(agent, number)
        if _wait_gone({agent: mark}):
            return


def _wait_gone(marks: dict[int, str | None]) -> bool:
    """Wait until these processes are gone; whether they are."""
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        if all(mark is None or start_time(pid) != mark for pid, mark in marks.items()):
            return True
        time.sleep(0.01)
    return False
