"""Moves that take long: shown, stopped at any point, refused in numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import TooLongError
from tests.session.recording import BadLine, Bench

numpy = pytest.importorskip("numpy")

MIB = 1 << 20
BIG = 128 * MIB


class Slow:
    """A line that takes so many bytes per second in each direction, and counts them."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.count = {"out": 0, "in": 0}

    def __call__(self, direction: str, data: bytes) -> bytes:
        self.count[direction] += len(data)
        time.sleep(len(data) / self.rate)
        return data


@pytest.fixture
def bench_over(home: Path, tmp_path: Path) -> Iterator[Callable[[Slow], Bench]]:
    opened: list[Bench] = []

    def open_bench(line: Slow) -> Bench:
        opened.append(Bench(BadLine(home, line), tmp_path))
        return opened[-1]

    yield open_bench
    for bench in opened:
        bench.close()


def stop_at(bench: Bench, fraction: float) -> None:
    """Press stop when the bar has come that far."""

    def stop(seen: float) -> None:
        if seen >= fraction:
            bench.front_end.bar.on_show = lambda fraction: None
            raise KeyboardInterrupt

    bench.front_end.bar.on_show = stop


def test_a_long_move_is_shown_and_its_line_stays(bench_over: Callable[[Slow], Bench]) -> None:
    bench = bench_over(Slow(20e6))
    bench.names["x"] = numpy.random.default_rng(0).bytes(30 * MIB)
    outcome = bench.remote("size = len(x)")
    bar = bench.front_end.bar
    assert outcome.sent_shown
    assert len(bar.shown) > 2
    fractions = [fraction for _, fraction in bar.shown]
    assert fractions == sorted(fractions)
    assert "test ▸ sending x: " in bar.shown[-1][0]
    assert "MB/s, " in bar.shown[-1][0]
    assert bar.shown[-1][0].endswith(" left")
    assert bar.ended[0].startswith("test ▸ sent 31.5 MB in ")
    bench.remote("y = x[1:]")
    bench.session.fetch(["y"])
    assert bar.ended[1].startswith("test ◂ fetched 31.5 MB in ")
    assert bench.names["y"] == bench.names["x"][1:]


def test_a_short_move_shows_no_bar(bench_over: Callable[[Slow], Bench]) -> None:
    bench = bench_over(Slow(1e9))
    bench.names["x"] = numpy.arange(300_000)
    bench.remote("y = x + 1")
    bench.session.fetch(["y"])
    assert (bench.front_end.bar.shown, bench.front_end.bar.ended) == ([], [])


def test_a_send_can_be_stopped_anywhere(bench_over: Callable[[Slow], Bench]) -> None:
    bench = bench_over(Slow(150e6))
    x = bench.names["x"] = numpy.random.default_rng(0).integers(0, 255, BIG, dtype="uint8")
    for fraction in (0.0, 0.1, 0.35, 0.6, 0.9):
        stop_at(bench, fraction)
        with pytest.raises(KeyboardInterrupt):
            bench.remote("total = int(x[::4096].sum())")
        assert bench.names["x"] is x
        assert "total" not in bench.names
        assert bench.front_end.bar.ended[-1] == "test ▸ stopped; no name has changed"
    assert bench.remote("print(int(x[::4096].sum()))").error is None
    assert bench.front_end.text() == f"{int(x[::4096].sum())}\n"


def test_a_fetch_can_be_stopped_anywhere(bench_over: Callable[[Slow], Bench]) -> None:
    line = Slow(150e6)
    bench = bench_over(line)
    bench.names["x"] = x = numpy.zeros(BIG, dtype="uint8")
    bench.remote(
        "import numpy\n"
        f"x[:] = numpy.random.default_rng(0).integers(0, 255, {BIG}, dtype='uint8')\n"
        f"y = x[::-1].copy()"
    )
    waiting = bench.names["x"], bench.names["y"]
    for fraction in (0.0, 0.1, 0.35, 0.6, 0.9):
        stop_at(bench, fraction)
        with pytest.raises(KeyboardInterrupt):
            bench.session.fetch(["x", "y"])
        assert bench.names["x"] is waiting[0]
        assert bench.names["y"] is waiting[1]
        assert not x.any(), "the older value was touched before all had come"
    moved = bench.session.fetch(["x", "y"])
    expected = numpy.random.default_rng(0).integers(0, 255, BIG, dtype="uint8")
    assert bench.names["x"] is x
    assert numpy.array_equal(x, expected)
    assert numpy.array_equal(bench.names["y"], expected[::-1])
    before = line.count["in"]
    bench.remote("x[5] = 77")
    moved = bench.session.fetch(["x"])
    assert moved.bytes <= 2 * MIB
    assert line.count["in"] - before < 3 * MIB


def test_a_move_that_would_take_too_long_is_refused_in_numbers(
    bench_over: Callable[[Slow], Bench],
) -> None:
    bench = bench_over(Slow(100e6))
    bench.session.guard_seconds = 0.5
    bench.session.pace.note("out", 125 * MIB, 10.0)
    bench.session.pace.note("in", 125 * MIB, 10.0)
    x = bench.names["features"] = numpy.random.default_rng(0).random((1 << 10, 1 << 12))
    with pytest.raises(TooLongError) as caught:
        bench.remote("print('ran')\ny = features * 2")
    assert caught.value.message == (
        "This cell was not run. It needs features (float64 [1024, 4096], 33.6 MB, here) on test:"
        " about 3 s at 105 Mbit/s."
    )
    assert "%%remote_gpu --yes" in str(caught.value.hint)
    assert bench.front_end.text() == ""
    assert bench.names["features"] is x
    code = "y = features * 2"
    assert bench.session.run_cell(code, code, 9, unguarded=True).error is None
    with pytest.raises(TooLongError) as caught:
        bench.session.fetch(["y"])
    assert "It reads y (float64 [1024, 4096], 33.6 MB, on test): about" in caught.value.message
    assert caught.value.hint == (
        "Run it as %%remote_gpu, fetch a part (part = %remote_gpu eval y[:1000]),"
        " or fetch it anyway: %remote_gpu pull y"
    )
    with pytest.raises(TooLongError, match=r"The result was not fetched from test. It is a ndarr"):
        bench.session.fetch(["y"], asked="y")
    bench.session.fetch(["y"], unguarded=True)
    assert numpy.array_equal(bench.names["y"], x * 2)


def test_only_what_is_missing_counts(bench_over: Callable[[Slow], Bench]) -> None:
    bench = bench_over(Slow(1e9))
    x = bench.names["x"] = numpy.random.default_rng(0).random(1 << 22)
    bench.remote("x.sum()")
    bench.session.fetch(["x"])
    bench.session.guard_seconds = 0.5
    bench.session.pace = type(bench.session.pace)()
    bench.session.pace.note("out", 8 * MIB, 1.0)
    x[3] = 0
    bench.hub.notebook.ran(None, (), ("x",))
    outcome = bench.remote("print(x[3])")
    assert bench.front_end.text() == "0.0\n"
    assert [(load.chunks, load.of) for load in outcome.sent] == [(1, 128)]


@pytest.mark.alone
def test_a_line_of_unknown_speed_is_judged_by_its_first_seconds(
    bench_over: Callable[[Slow], Bench],
) -> None:
    bench = bench_over(Slow(4e6))
    x = bench.names["x"] = numpy.random.default_rng(0).bytes(60 * MIB)
    bench.session.guard_seconds = 5.0
    bench.names["small"] = [1, 2, 3]
    with pytest.raises(TooLongError, match=r"about 1\d s at \d\d Mbit/s"):
        bench.remote("len(x)")
    assert bench.names["x"] is x

    assert bench.remote("print(small)").error is None
