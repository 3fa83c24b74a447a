"""Rows of reaching a machine: `ssh-known`, `ssh-new`, `ssh-again`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_remote_gpu.machines.ssh.known_agent import KnownAgent
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from tests.lab import namespaces
from tests.lab.lab import Lab, open_lab

from . import far, place
from .far import TOKEN, FarRemote, login_seconds
from .figures import DIFFERENCE, LIMIT, RATIO, Comparison, Scale, Target
from .kernel import Kernel
from .torch_import import LeftOutError

ROUNDS = 4
KNOWN_TARGET = Target(DIFFERENCE, 0.5)
NEW_TARGET = Target(LIMIT, 15.0)
AGAIN_TARGET = Target(RATIO, 1.1)
AGAIN_RTT_MS = 20
NOTHING = "pass"


@contextmanager
def _cache() -> Iterator[Path]:
    """A folder for what is carried to machines, empty at first."""
    folder = Path(tempfile.mkdtemp(prefix="rgb-carried"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def measure_known(scale: Scale) -> list[Comparison]:
    """Compare a known machine, whose agent has ended, with a login and a kernel's start."""
    known: list[KnownAgent] = []
    ours, rival = [], []
    with _cache() as cache, far.opened(internet=True) as lab, place.opened() as here:
        first = ReachedMachine(lab.target(), TOKEN, cache, _untold, remember=known.append)
        first.connect().close()
        for _ in range(scale.rounds or ROUNDS):
            first.replace()
            started = time.perf_counter()
            kernel = Kernel(here.folder, here.environ(here.home()))
            try:
                kernel.run(NOTHING)
                rival.append(time.perf_counter() - started + login_seconds(lab))
            finally:
                kernel.close()
            started = time.perf_counter()
            again = ReachedMachine(lab.target(), TOKEN, cache, _untold, known[-1])
            remote = FarRemote(lab, transport=again)
            try:
                remote.start()
                remote.run(NOTHING)
                ours.append(time.perf_counter() - started)
            finally:
                remote.stop()
    what = "known machine to first result"
    return [Comparison(what, ours, "ssh login, kernel start, a cell", rival, KNOWN_TARGET)]


def measure_new(scale: Scale) -> list[Comparison]:
    """Compare making a machine ready that has a Python with copying the same bytes there."""
    reason = namespaces.why_not()
    if reason is not None:
        raise LeftOutError(reason)
    ours, rival = [], []
    with _cache() as cache:
        for number in range(1 + (scale.rounds or ROUNDS)):
            with open_lab() as lab:
                machine = ReachedMachine(lab.target(), TOKEN, cache, _untold)
                started = time.perf_counter()
                machine.connect().close()
                taken = time.perf_counter() - started
                if number:  # the first fetches what is carried
                    ours.append(taken)
                    rival.append(_streamed(lab, cache))
    what = "new machine to its agent's answer"
    return [Comparison(what, ours, "the bytes alone, through ssh", rival, NEW_TARGET)]


def measure_again(scale: Scale) -> list[Comparison]:
    """Compare a cell after every connection was ended with a cold login and a cell."""
    ours, rival = [], []
    with far.opened() as lab, FarRemote(lab) as remote:
        lab.link.shape(rtt_ms=AGAIN_RTT_MS)
        remote.run(NOTHING)
        for _ in range(scale.rounds or ROUNDS):
            rival.append(login_seconds(lab) + remote.run(NOTHING).seconds)
            lab.stop_sshd()
            started = time.perf_counter()
            lab.start_sshd()
            remote.run(NOTHING)
            ours.append(time.perf_counter() - started)
    what = f"cell after a cut, {AGAIN_RTT_MS} ms"
    return [Comparison(what, ours, "cold ssh login, a cell", rival, AGAIN_TARGET)]


def _streamed(lab: Lab, cache: Path) -> float:
    """Return how long the files of the cache take through plain ssh."""
    target = lab.target()
    files = [path for path in cache.rglob("*") if path.is_file()]
    ssh = [*target.program, *target.options, target.host, "cat > /dev/null"]
    started = time.perf_counter()
    with subprocess.Popen(ssh, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for path in files:
            process.stdin.write(path.read_bytes())
    return time.perf_counter() - started


def _untold(step: object) -> None:
    """Nobody looks at the steps of a benchmark."""
