"""Moves over several connections: all of them carry, and none of them is needed."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.errors import ConnectionLostError, TooLongError
from jupyter_remote_gpu.session.breadth import Breadth
from jupyter_remote_gpu.state.peer import Watch
from jupyter_remote_gpu.transport.local import LocalTransport
from tests.session.recording import Bench

numpy = pytest.importorskip("numpy")

CONTROL, FIRST, SECOND = range(3)
Array = Any
LINES = 4
SOME_BYTES = 1 << 20
WAIT_SECONDS = 60.0
Passes = Callable[[int, str, int], bool]
"""Says whether a piece of so many bytes may pass, on which connection and which way; may wait."""


class Always(Breadth):
    """Wants so many lines from the first chunk on."""

    def wanted(self, lines: int, left: float, rtt: float, opening: float) -> int:
        """Return the same, whatever was measured."""
        return LINES


class Paths(LocalTransport):
    """A transport that takes itself for a network: each connection is numbered and watched."""

    most_lines = LINES

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.passes: Passes = lambda number, way, count: True
        self._lock = threading.Condition()
        self.allowed = 99
        self.opened = self.refused = 0
        self.passed: Counter[tuple[int, str]] = Counter()

    def connect(self) -> socket.socket:
        """Connect, unless there are as many connections as are allowed."""
        with self._lock:
            self._lock.notify_all()
            if self.opened >= self.allowed:
                self.refused += 1
                raise ConnectionLostError("the server turns further connections away")
            number, self.opened = self.opened, self.opened + 1
            far = super().connect()
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._carry, args=(number, theirs, far), daemon=True).start()
        return ours

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait until connections were opened, or refused, as `reached` says."""
        with self._lock:
            assert self._lock.wait_for(reached, WAIT_SECONDS)

    def carried(self, way: str) -> set[int]:
        """Return the connections over which something large went."""
        return {n for (n, w), count in self.passed.items() if w == way and count > SOME_BYTES}

    def _carry(self, number: int, theirs: socket.socket, far: socket.socket) -> None:
        with theirs, far:
            back = threading.Thread(
                target=self._pump, args=(number, "in", far, theirs), daemon=True
            )
            back.start()
            self._pump(number, "out", theirs, far)
            back.join()

    def _pump(self, number: int, way: str, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not self.passes(number, way, len(data)):
                    break
                self.passed[number, way] += len(data)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def paths(home: Path) -> Paths:
    return Paths(home)


@pytest.fixture
def bench(paths: Paths, tmp_path: Path) -> Iterator[Bench]:
    found = Bench(paths, tmp_path)
    found.session.peer().breadth = {"out": Always(LINES), "in": Always(LINES)}
    found.remote("import numpy")
    yield found
    found.close()


@pytest.fixture
def array() -> Array:
    return numpy.random.default_rng(0).integers(0, 256, 48 << 20, dtype=numpy.uint8)


class AllCarry:
    """Holds each line up once something went over it, until so many have carried something."""

    def __init__(self, paths: Paths, way: str, lines: int) -> None:
        self._paths = paths
        self._way = way
        self._lines = lines
        self._enough = threading.Event()

    def __call__(self, number: int, way: str, count: int) -> bool:
        """Let everything pass at last; a line that waits in vain is cut, and the test fails."""
        if way != self._way or number == CONTROL:
            return True
        if len(self._paths.carried(way)) >= self._lines:
            self._enough.set()
        if self._paths.passed[number, way] > SOME_BYTES:
            return self._enough.wait(WAIT_SECONDS)
        return True

    def held(self, number: int) -> bool:
        """Whether something went over a connection already."""
        return self._paths.passed[number, self._way] > SOME_BYTES


def send(bench: Bench, array: Array) -> None:
    """Let a remote cell read an array, and see that it is the same there."""
    bench.names["x"] = array
    bench.remote("total = int(x.astype(numpy.uint64).sum())")
    bench.session.fetch(["total"])
    assert bench.names["total"] == int(array.astype(numpy.uint64).sum())


def bring(bench: Bench, array: Array) -> None:
    """Make the array's complement there and bring it home."""
    bench.remote("y = 255 - x")
    bench.session.fetch(["y"])
    assert numpy.array_equal(bench.names["y"], 255 - array)


def test_an_array_goes_over_all_lines_and_back(bench: Bench, paths: Paths, array: Array) -> None:
    paths.passes = AllCarry(paths, "out", LINES)
    send(bench, array)
    assert paths.carried("out") == {FIRST, SECOND, SECOND + 1, SECOND + 2}
    paths.passes = AllCarry(paths, "in", LINES)
    bring(bench, array)
    assert paths.carried("in") == {FIRST, SECOND, SECOND + 1, SECOND + 2}
    assert paths.opened == 1 + LINES


@pytest.mark.parametrize("broken", [FIRST, SECOND])
def test_a_line_that_breaks_does_not_lose_a_move_out(
    bench: Bench, paths: Paths, array: Array, broken: int
) -> None:
    wait = AllCarry(paths, "out", LINES)
    paths.passes = lambda n, way, size: (
        wait(n, way, size) and not ((n, way) == (broken, "out") and wait.held(n))
    )
    send(bench, array)
    assert paths.passed[broken, "out"] > SOME_BYTES


@pytest.mark.parametrize("broken", [FIRST, SECOND])
def test_a_line_that_breaks_does_not_lose_a_move_home(
    bench: Bench, paths: Paths, array: Array, broken: int
) -> None:
    send(bench, array)
    wait = AllCarry(paths, "in", LINES)
    paths.passes = lambda n, way, size: (
        wait(n, way, size) and not ((n, way) == (broken, "in") and wait.held(n))
    )
    bring(bench, array)
    assert paths.passed[broken, "in"] > SOME_BYTES


def test_a_server_that_turns_connections_away_is_used_with_one(
    bench: Bench, paths: Paths, array: Array
) -> None:
    paths.allowed = 1 + FIRST
    send(bench, array)
    bring(bench, array)
    assert paths.opened == 1 + FIRST


class Stops(Watch):
    """A user who stops a move on its way."""

    def moved(self, done: int, total: int) -> None:
        if done > 8 * SOME_BYTES:
            raise KeyboardInterrupt


def test_a_stopped_move_leaves_all_as_it_was_and_the_next_one_clean(
    bench: Bench, paths: Paths, array: Array
) -> None:
    paths.passes = AllCarry(paths, "out", 2)
    bench.names["x"] = array
    departure = bench.home.depart("x.shape", "")
    with pytest.raises(KeyboardInterrupt):
        bench.home.send_ahead(departure, bench.session.peer(), Stops())
    send(bench, array)
    bench.remote("y = 255 - x")
    with pytest.raises(KeyboardInterrupt):
        bench.home.fetch(["y"], bench.session.peer(), Stops())
    bring(bench, array)


def test_a_move_that_is_refused_ends_its_lines(bench: Bench, paths: Paths, array: Array) -> None:
    bench.session.guard_seconds = 1e-6
    bench.session.pace.note("out", 64 << 20, 1.0)
    bench.names["x"] = array
    with pytest.raises(TooLongError):
        bench.remote("x.shape")
    bench.session.guard_seconds = 60.0
    send(bench, array)


@pytest.fixture
def fresh(paths: Paths, tmp_path: Path) -> Iterator[Bench]:
    """A session that has moved nothing yet."""
    found = Bench(paths, tmp_path)
    yield found
    found.close()


def test_the_line_is_opened_before_a_value_is_wanted(fresh: Bench, paths: Paths) -> None:
    fresh.remote("x = 1")
    paths.until(lambda: paths.opened == 1 + FIRST)
    fresh.session.fetch(["x"])
    assert fresh.names["x"] == 1
    assert paths.opened == 1 + FIRST


def test_a_line_that_could_not_be_opened_ahead_is_opened_when_it_is_needed(
    fresh: Bench, paths: Paths
) -> None:
    paths.allowed = FIRST
    fresh.remote("x = 1")
    paths.until(lambda: paths.refused == 1)
    paths.allowed = 99
    fresh.session.fetch(["x"])
    assert fresh.names["x"] == 1


def test_a_line_opened_ahead_goes_with_its_kernel(fresh: Bench, paths: Paths) -> None:
    fresh.remote("x = 1")
    paths.until(lambda: paths.opened == 1 + FIRST)
    fresh.session.stop()
    fresh.remote("x = 2")
    fresh.session.fetch(["x"])
    assert fresh.names["x"] == 2
    assert paths.opened == 1 + SECOND


def test_on_this_computer_there_is_one_line(home: Path, tmp_path: Path) -> None:
    assert LocalTransport(home).most_lines == 1
