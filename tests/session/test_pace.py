"""The speed of a line comes from its moves."""

from __future__ import annotations

from jupyter_remote_gpu.protocol.state import Description
from jupyter_remote_gpu.session.guard import HopGuard
from jupyter_remote_gpu.session.pace import EMBEDDED_BYTES_PER_SECOND, Pace, Through
from jupyter_remote_gpu.state.loads import Load

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


def test_what_goes_on_to_another_machine_takes_both_ways() -> None:
    first, then = Pace(), Pace()
    through = Through(first, then)
    first.note("in", 100 * MB, 1.0)
    assert not through.known("in")
    then.note("out", 100 * MB, 3.0)
    assert through.known("in")
    assert round(through.rate("in")) == 25 * MB
    through.note("in", 300 * MB, 1.0)
    assert first.rate("in") == 200 * MB


def test_a_hop_that_takes_too_long_names_both_machines() -> None:
    about = Description("ndarray", "float64 [10]", 80)
    refuse = HopGuard("box", "lab", lambda name: about)
    error = refuse([Load(("x",), 10**10, 1, 1, patched=False)], 10**10, 1e6)
    assert "on lab" in error.message
    assert "on box" in error.message
    assert "about 2.8 h" in error.message
    assert "--machine box" in str(error.hint)
    assert "--machine lab --yes" in str(error.hint)
