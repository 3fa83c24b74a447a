"""Row `load`: from `%load_ext` to the first result, with nothing running yet."""

from __future__ import annotations

import itertools
import time

from jupyter_remote_gpu.agent.ending import end_machine

from . import place
from .figures import DIFFERENCE, Comparison, Scale, Target, in_turn
from .kernel import LOAD, Kernel
from .place import Place

ROUNDS = 5
TARGET = Target(DIFFERENCE, 0.7)


def measure(scale: Scale) -> list[Comparison]:
    """Compare with starting one kernel and running one cell in it."""
    with place.opened() as here:
        numbers = itertools.count()
        taken = in_turn(
            scale.rounds or ROUNDS,
            {
                "ours": lambda: _ours(here, f"load-{next(numbers)}"),
                "kernel": lambda: _start_kernel(here),
            },
        )
    what = "%load_ext to first remote result"
    return [Comparison(what, taken["ours"], "kernel start and a cell", taken["kernel"], TARGET)]


def _ours(here: Place, name: str) -> float:
    """Time it in a running notebook; agent and remote kernel have to be started."""
    home = here.home(name)
    notebook = Kernel(here.folder, here.environ(home))
    try:
        notebook.run("1 + 1")
        started = time.perf_counter()
        notebook.run(LOAD)
        notebook.run("%%remote_gpu\n1 + 1")
        return time.perf_counter() - started
    finally:
        notebook.close()
        end_machine(home)


def _start_kernel(here: Place) -> float:
    started = time.perf_counter()
    kernel = Kernel(here.folder, here.environ(here.home()))
    try:
        kernel.run("1 + 1")
        return time.perf_counter() - started
    finally:
        kernel.close()
