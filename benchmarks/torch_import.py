"""Row `torch`: the first cell that imports torch, in a remote kernel that is new."""

from __future__ import annotations

import importlib.util
import time

from . import place
from .figures import RATIO, Comparison, Scale, Target, in_turn
from .kernel import Kernel
from .place import Place, await_spare
from .remote import Remote

ROUNDS = 5
TARGET = Target(RATIO, 0.02)
START_TARGET = Target(RATIO, 1.0)
IMPORT = "import torch"


class LeftOutError(RuntimeError):
    """A row cannot be measured here; the message says why."""


def measure(scale: Scale) -> list[Comparison]:
    """Compare with a fresh local kernel: the cell alone, and with the kernel's start."""
    if importlib.util.find_spec("torch") is None:
        raise LeftOutError("PyTorch is not installed")
    cells: dict[str, list[float]] = {"ours": [], "kernel": []}
    with place.opened() as here, Remote(here):
        # The machine is ready: an agent runs, and it has had the time to load a spare kernel.
        if not await_spare(here.home()):
            raise LeftOutError("this machine has too little free memory for a spare kernel")
        taken = in_turn(
            scale.rounds or ROUNDS,
            {
                "ours": lambda: _ours(here, cells["ours"]),
                "kernel": lambda: _kernel(here, cells["kernel"]),
            },
        )
    count = len(taken["ours"])
    ours, kernel = cells["ours"][-count:], cells["kernel"][-count:]
    return [
        Comparison("`import torch` in a new kernel", ours, "fresh ipykernel", kernel, TARGET),
        Comparison(
            "starting a kernel and importing torch",
            taken["ours"],
            "starting ipykernel and importing torch",
            taken["kernel"],
            START_TARGET,
        ),
    ]


def _ours(here: Place, cells: list[float]) -> float:
    await_spare(here.home())
    remote = Remote(here)
    started = time.perf_counter()
    remote.start()
    try:
        cells.append(remote.run(IMPORT).seconds)
        return time.perf_counter() - started
    finally:
        remote.stop()


def _kernel(here: Place, cells: list[float]) -> float:
    started = time.perf_counter()
    kernel = Kernel(here.folder, here.environ(here.home()))
    try:
        cells.append(kernel.run(IMPORT).seconds)
        return time.perf_counter() - started
    finally:
        kernel.close()
