"""Rows of values through SSH: `ssh-array`, `ssh-long`, `ssh-line`, `ssh-bulk`."""

from __future__ import annotations

import statistics
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.lab.lab import Lab

from . import far
from .far import FarRemote, Served, Tunnel
from .figures import RATIO, Comparison, Scale, Target, seconds
from .loopback import Loopback

ROUNDS = 3
LAN_TARGET = Target(RATIO, 1 / 0.9)
MANY_TARGET = Target(RATIO, 1 / 1.5)
SCP_TARGET = Target(RATIO, 1 / 2)
LONG_TARGET = Target(RATIO, 1 / 2.8)
LINE_TARGET = Target(RATIO, 1 / 0.97)
CELL_TARGET = Target(RATIO, 1.5)
BULK_TARGET = Target(RATIO, 1 / 0.85)
LONG_RTT_MS = 80
LINE_RTT_MS = 20
LINE_MBIT = 100
LONG_BYTES = 160 << 20
LINE_BYTES = 48 << 20
QUICK_BYTES = 12 << 20
PAUSE_SECONDS = 0.15
"""Between cells that are measured beside bulk, as of somebody who types."""
_ITEM_BYTES = 4


class Values:
    """Arrays that no process has seen, moved by us and by rivals over one way."""

    def __init__(self, lab: Lab, way: str, size: int) -> None:
        import numpy

        self._lab = lab
        self._way = way
        self._size = size
        self._count = 0
        self.remote = FarRemote(lab, way)
        self._base = numpy.random.default_rng(0).standard_normal(
            size // _ITEM_BYTES, dtype=numpy.float32
        )
        self._file = far.scratch("array")
        self.taken: dict[str, list[float]] = defaultdict(list)
        self.remote.start()
        self.remote.await_spare()
        self.remote.bind("x", self._base[:1000].copy())
        self.remote.run("import numpy\nnumpy.float32(1)\nx.shape")

    def close(self) -> None:
        """End the session."""
        self.remote.stop()
        self._file.unlink(missing_ok=True)

    def out(self) -> float:
        """Move an array out that is new; return the seconds."""
        self._count += 1
        self.remote.bind("x", self._fresh())
        return self.remote.run("x.shape").seconds

    def home(self) -> float:
        """Move an array home that was made there; return the seconds. It has to be right."""
        self.remote.run(f"y = x + numpy.float32({self._count})")
        taken = self.remote.local("y.shape")
        arrived = self.remote.names["y"]
        if not (arrived[::4097] == self._fresh()[::4097] + self._count).all():
            raise AssertionError("the array that came home is not the one that was made there")
        self.remote.local("del y")
        return taken

    def copied(self) -> float:
        """Copy as many bytes by scp; return the seconds."""
        if not self._file.exists():
            self._file.write_bytes(self._base.data)
        return far.copy_seconds(self._lab, self._file, self._way)

    def pushed(self, line: Loopback) -> float:
        """Push an array into fresh memory at the other end of a connection."""
        return seconds(lambda: line.push(memoryview(self._fresh()).cast("B")))

    def pulled(self, line: Loopback) -> float:
        """Pull as much from there."""
        return seconds(lambda: line.pull(self._size))

    def there_and_home(self, line: Loopback) -> None:
        """Time a move each way and the rival's over `line`, in turn; kept in `taken`."""
        self.taken["out"].append(self.out())
        self.taken["pushed"].append(self.pushed(line))
        self.taken["home"].append(self.home())
        self.taken["pulled"].append(self.pulled(line))

    def _fresh(self) -> Any:
        return self._base * (self._count + 1)


@contextmanager
def _open(way: str, size: int, rtt_ms: int, mbit: int) -> Iterator[tuple[Lab, Values, Served]]:
    with far.opened() as lab:
        lab.link.shape(rtt_ms=rtt_ms, mbit=mbit)
        served = Served(lab, "-m", "benchmarks.loopback", "always", way=way)
        values = Values(lab, way, size)
        try:
            yield lab, values, served
        finally:
            values.close()
            served.close()


@contextmanager
def _tunnelled(lab: Lab, served: Served, way: str) -> Iterator[Loopback]:
    tunnel = Tunnel(lab, served.port, way)
    try:
        yield Loopback(tunnel.connect())
    finally:
        tunnel.close()


def measure_array(scale: Scale) -> list[Comparison]:
    """Compare a large array over the LAN with pickle 5's way through one tunnel, and with scp."""
    size = scale.array_bytes
    with _open("lan", size, 0, 0) as (lab, values, served), _tunnelled(lab, served, "lan") as line:
        taken = values.taken
        for _ in range(scale.rounds or ROUNDS):
            values.there_and_home(line)
            taken["scp"].append(values.copied())
    what, tunnel = f"{size / 2**20:,.0f} MiB", "bare bytes, ssh -L"
    out, home, pushed = taken["out"], taken["home"], taken["pushed"]
    return [
        Comparison(f"{what} out, LAN", out, tunnel, pushed, LAN_TARGET),
        Comparison(f"{what} home, LAN", home, tunnel, taken["pulled"], LAN_TARGET),
        Comparison(f"{what} out, several lines", out, tunnel, pushed, MANY_TARGET),
        Comparison(f"{what} out, LAN", out, "scp", taken["scp"], SCP_TARGET),
    ]


def measure_long(scale: Scale) -> list[Comparison]:
    """Compare an array on a long path without a limit with one SSH channel."""
    size = QUICK_BYTES if scale.quick else LONG_BYTES
    with (
        _open("wan", size, LONG_RTT_MS, 0) as (lab, values, served),
        _tunnelled(lab, served, "wan") as line,
    ):
        taken = values.taken
        for _ in range(scale.rounds or ROUNDS):
            values.there_and_home(line)
    what, one = f"{size / 2**20:,.0f} MiB", "one channel, ssh -L"
    name = f"{LONG_RTT_MS} ms"
    first = [f"the first move, which opened the connections, took {taken['out'][0]:.2f} s"]
    return [
        Comparison(
            f"{what} out, {name}", taken["out"], one, taken["pushed"], LONG_TARGET, notes=first
        ),
        Comparison(f"{what} home, {name}", taken["home"], one, taken["pulled"], LONG_TARGET),
    ]


def measure_line(scale: Scale) -> list[Comparison]:
    """Compare an array on a slow line with raw TCP there."""
    size = QUICK_BYTES if scale.quick else LINE_BYTES
    with _open("wan", size, LINE_RTT_MS, LINE_MBIT) as (lab, values, served):
        line = Loopback(far.raw(lab, served.port))
        taken = values.taken
        for _ in range(scale.rounds or ROUNDS):
            values.there_and_home(line)
    what = f"{size / 2**20:,.0f} MiB"
    name = f"{LINE_MBIT} Mbit/s"
    return [
        Comparison(f"{what} out, {name}", taken["out"], "raw TCP", taken["pushed"], LINE_TARGET),
        Comparison(f"{what} home, {name}", taken["home"], "raw TCP", taken["pulled"], LINE_TARGET),
    ]


def measure_bulk(scale: Scale) -> list[Comparison]:
    """Compare cells of one notebook while another one's array goes up the same line."""
    size = QUICK_BYTES if scale.quick else LINE_BYTES
    with _open("wan", size, LINE_RTT_MS, LINE_MBIT) as (lab, values, served):
        line = Loopback(far.raw(lab, served.port))
        taken = values.taken
        with FarRemote(lab) as other:
            other.run("print('x')")
            taken["pushed"].append(values.pushed(line))
            values.out()  # how many connections are best is known from here on
            for _ in range(scale.rounds or ROUNDS):
                taken["idle"] += _cells(other, scale, threading.Event())
                over = threading.Event()
                bulk = threading.Thread(target=_bulk, args=(values, taken["out"], over))
                bulk.start()
                taken["beside"] += _cells(other, scale, over)
                bulk.join()
                taken["pushed"].append(values.pushed(line))
    name = f"{LINE_MBIT} Mbit/s"
    worst = f"95th percentile {1000 * _percentile(taken['beside']):.0f} ms, idle"
    notes = [f"{worst} {1000 * _percentile(taken['idle']):.0f} ms"]
    return [
        Comparison(
            f"cell beside bulk, {name}",
            taken["beside"],
            "the line idle",
            taken["idle"],
            CELL_TARGET,
            notes=notes,
        ),
        Comparison(
            f"bulk beside cells, {name}", taken["out"], "raw TCP", taken["pushed"], BULK_TARGET
        ),
    ]


def _bulk(values: Values, kept: list[float], over: threading.Event) -> None:
    try:
        kept.append(values.out())
    finally:
        over.set()


def _cells(remote: FarRemote, scale: Scale, over: threading.Event) -> list[float]:
    """Run cells as somebody types them, until there are enough or `over` is set."""
    found = []
    for _ in range(scale.cells // 2):
        found.append(remote.run("print('x')").seconds)
        if over.wait(PAUSE_SECONDS):
            break
    return found


def _percentile(figures: list[float]) -> float:
    return statistics.quantiles(figures, n=20)[-1] if len(figures) > 1 else figures[0]
