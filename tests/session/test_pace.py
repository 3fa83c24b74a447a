"""The speed of a line comes from its moves."""

from __future__ import annotations

from jupyter_remote_gpu.session.pace import EMBEDDED_BYTES_PER_SECOND, Pace

MB = 1_000_000


def test_nothing_measured_is_assumed() -> None:
    pace = Pace()
    assert not pace.known("out")
    assert pace.rate("out") == EMBEDDED_BYTES_PER_SECOND


def test_each_direction_is_measured_by_itself() -> None:
    pace = Pace()
    pace.note("out", 100 * MB, 10.0)
    assert pace.known("out")
    assert pace.rate("out") == 10 * MB
    assert not pace.known("in")


def test_small_moves_say_nothing() -> None:
    pace = Pace()
    pace.note("in", 1000, 1.0)
    assert not pace.known("in")


def test_old_moves_are_forgotten() -> None:
    pace = Pace()
    pace.note("in", 100 * MB, 100.0)
    for _ in range(5):
        pace.note("in", 100 * MB, 1.0)
    assert pace.rate("in") == 100 * MB
