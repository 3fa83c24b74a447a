"""Row `array`: a float32 array of 1 GiB to the embedded machine and back.

For the first time, again unchanged, and with 1 % changed; and how much memory
that takes beyond the array itself, in all processes that take part.
"""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from . import memory, place
from .figures import LIMIT, RATIO, Comparison, Scale, Target, seconds
from .loopback import Loopback
from .place import agent_pid
from .remote import Remote

ROUNDS = 4
FIRST = Target(RATIO, 1.3)
AGAIN = Target(RATIO, 1.5)
WINDOW_BYTES = 64 << 20
"""What we call a bounded window, beside the one extra copy that is allowed."""
_ITEM_BYTES = 4


def measure(scale: Scale) -> list[Comparison]:
    """Compare first moves with raw TCP, later ones with a scan by xxh3."""
    with place.opened() as here, Loopback() as loopback, Remote(here) as remote:
        moves = _Moves(remote, loopback, scale.array_bytes)
        for number in range(scale.rounds or ROUNDS):
            moves.round(number)
    return moves.comparisons()


class _Moves:
    """Moves `x` out and home again and again, `y` home alone."""

    def __init__(self, remote: Remote, loopback: Loopback, size: int) -> None:
        import numpy

        self._remote = remote
        self._loopback = loopback
        self._size = size
        self._base = numpy.random.default_rng(0).standard_normal(
            size // _ITEM_BYTES, dtype=numpy.float32
        )
        self._part = size // _ITEM_BYTES // 100
        self.taken: dict[str, list[float]] = defaultdict(list)
        self._notes: dict[str, str] = {}
        # Not part of what is measured: importing numpy there, opening the line.
        remote.bind("x", self._base[:1000].copy())
        remote.run("import numpy\nnumpy.float32(1)\nx.shape")
        loopback.pull(size)

    def round(self, number: int) -> None:
        """Take every figure once; ours and the rival's change places from round to round."""
        remote, first = self._remote, number % 2 == 0
        x = self._fresh(number + 1)
        remote.bind("x", x)
        self._pair(first, "out", lambda: self._watched_out(), lambda: self._push(x))
        self._pair(first, "home unchanged", lambda: remote.local("x.shape"), lambda: _scan(x))
        self._pair(first, "out unchanged", lambda: remote.run("x.shape").seconds, lambda: _scan(x))
        remote.local(f"x[:{self._part}] += 1")
        self._pair(first, "out 1 %", lambda: remote.run("x.shape").seconds, lambda: _scan(x))
        remote.run(f"x[-{self._part}:] += 1")
        self._pair(first, "home 1 %", lambda: remote.local("x.shape"), lambda: _scan(x))
        remote.run(f"y = x + numpy.float32({number + 1})")
        self._pair(first, "home", lambda: self._watched_home(), self._pull)
        self._check()
        remote.local("del y")

    def comparisons(self) -> list[Comparison]:
        """Return the lines of the table."""
        size = f"{self._size / 2**20:,.0f} MiB"
        return [
            self._line(f"{size} out, first time", "out", "raw TCP", FIRST),
            self._line(f"{size} home, first time", "home", "raw TCP", FIRST),
            self._line(f"{size} out again, unchanged", "out unchanged", "xxh3 scan", AGAIN),
            self._line(f"{size} home again, unchanged", "home unchanged", "xxh3 scan", AGAIN),
            self._line(f"{size} out again, 1 % changed", "out 1 %", "xxh3 scan", AGAIN),
            self._line(f"{size} home again, 1 % changed", "home 1 %", "xxh3 scan", AGAIN),
            self._memory("out"),
            self._memory("home"),
        ]

    def _line(self, what: str, key: str, rival: str, target: Target) -> Comparison:
        return Comparison(what, self.taken[key], rival, self.taken[f"{key}, rival"], target)

    def _memory(self, key: str) -> Comparison:
        bound = Target(LIMIT, self._size + WINDOW_BYTES)
        return Comparison(
            f"memory beyond the array, {key}",
            self.taken[f"{key}, memory"],
            "the array",
            [self._size],
            bound,
            unit="B",
            notes=(self._notes[key],),
        )

    def _pair(
        self, first: bool, key: str, ours: Callable[[], float], rival: Callable[[], float]
    ) -> None:
        for name, take in ((key, ours), (f"{key}, rival", rival))[:: 1 if first else -1]:
            gc.collect()
            self.taken[name].append(take())

    def _watched_out(self) -> float:
        return self._watched("out", "kernel", lambda: self._remote.run("x.shape").seconds)

    def _watched_home(self) -> float:
        return self._watched("home", "notebook", lambda: self._remote.local("y.shape"))

    def _watched(self, key: str, receiver: str, move: Callable[[], float]) -> float:
        """Note how much more than the array's own bytes the processes held at most."""
        pids = {"notebook": os.getpid(), "kernel": self._remote.kernel_pid()}
        agent = agent_pid(self._remote.home)
        if agent is not None:
            pids["agent"] = agent
        for pid in pids.values():
            memory.forget_most(pid)
        before = {name: memory.held_bytes(pid) for name, pid in pids.items()}
        taken = move()
        extra = {name: memory.most_bytes(pid) - before[name] for name, pid in pids.items()}
        extra[receiver] = max(0, extra[receiver] - self._size)
        self.taken[f"{key}, memory"].append(float(sum(extra.values())))
        self._notes[key] = ", ".join(f"{n} {b / 2**20:,.0f} MiB" for n, b in extra.items())
        return taken

    def _check(self) -> None:
        """What came back must be what was computed: figures of a wrong array are worth nothing."""
        names = self._remote.names
        code = "float(y[::4097].sum(dtype='float64'))"
        self._remote.run(f"there = {code}")
        self._remote.local(f"same = there == {code}")
        if names["same"] is not True:
            raise AssertionError("the array that came home is not the one that was made there")

    def _fresh(self, number: int) -> Any:
        """Return an array that no process has seen a chunk of."""
        return self._base + self._base.dtype.type(number)

    def _push(self, array: Any) -> float:
        view = memoryview(array).cast("B")
        return seconds(lambda: self._loopback.push(view))

    def _pull(self) -> float:
        return seconds(lambda: self._loopback.pull(self._size))


def _scan(array: Any) -> float:
    from xxhash import xxh3_128_digest

    view = memoryview(array).cast("B")
    return seconds(lambda: xxh3_128_digest(view))
