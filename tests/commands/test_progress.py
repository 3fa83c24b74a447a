"""One line says how far a machine is with being made ready."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from jupyter_remote_gpu.commands.progress import (
    SHOWN_AFTER_SECONDS,
    Progress,
    pace_text,
    ready_text,
    step_text,
)
from jupyter_remote_gpu.errors import MachineError
from jupyter_remote_gpu.protocol.steps import Step


@dataclass
class Line:
    """A bar that remembers what it was given."""

    shown: list[tuple[str, float | None]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    appeared: threading.Event = field(default_factory=threading.Event)

    def show(self, text: str, fraction: float | None) -> None:
        self.shown.append((text, fraction))
        self.appeared.set()

    def end(self, text: str) -> None:
        self.ended.append(text)


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(line: Line, clock: Clock) -> Progress:
    return Progress("box", lambda: line, clock)


def test_a_step_that_takes_a_while_appears_and_gets_a_summary(
    progress: Progress, line: Line, clock: Clock
) -> None:
    with progress.shown(lambda seconds: ready_text(seconds, "RTX 3090", "", "14 packages")):
        progress.told(Step("looking"))
        assert line.appeared.wait(30)
        clock.now += 9
        progress.told(Step("sending the agent", 12_000_000, 30_000_000))
    assert line.shown == [
        ("box ▸ looking", None),
        ("box ▸ sending the agent, 12.0 MB of 30.0 MB", 0.4),
    ]
    assert line.ended == ["box ▸ ready in 9.0 s: RTX 3090, 14 packages"]


def test_what_is_ready_at_once_says_nothing(progress: Progress, line: Line) -> None:
    with progress.shown(ready_text):
        progress.told(Step("looking"))
    assert not line.appeared.wait(2 * SHOWN_AFTER_SECONDS)
    assert line.ended == []


def test_a_block_inside_a_block_is_part_of_it(progress: Progress, line: Line) -> None:
    with progress.shown(lambda seconds: "outer"):
        progress.told(Step("first"))
        assert line.appeared.wait(30)
        with progress.shown(lambda seconds: "inner"):
            progress.told(Step("second"))
    assert line.ended == ["box ▸ outer"]


def test_updates_of_one_step_come_slowly(progress: Progress, line: Line, clock: Clock) -> None:
    with progress.shown(ready_text):
        progress.told(Step("sending", 0, 9))
        assert line.appeared.wait(30)
        for done in range(9):
            clock.now += 0.03
            progress.told(Step("sending", done, 9))
    assert len(line.shown) < 5


def test_after_a_stop_the_work_behind_it_ends(progress: Progress, line: Line) -> None:
    with pytest.raises(KeyboardInterrupt), progress.shown(ready_text):
        progress.told(Step("sending"))
        assert line.appeared.wait(30)
        raise KeyboardInterrupt
    assert line.ended == ["box ▸ stopped; nothing was left half done"]
    with pytest.raises(MachineError, match="was stopped"):
        progress.told(Step("sending"))
    with progress.shown(ready_text):
        progress.told(Step("again"))


def test_a_failure_says_at_which_step(progress: Progress, line: Line) -> None:
    with pytest.raises(MachineError), progress.shown(ready_text):
        progress.told(Step("starting the agent"))
        assert line.appeared.wait(30)
        raise MachineError("no")
    assert line.ended == ["box ▸ failed while starting the agent"]


def test_what_nobody_waits_for_is_not_shown(progress: Progress, line: Line) -> None:
    progress.told(Step("looking"))
    assert not line.shown


def test_bytes_that_move_have_a_speed_and_an_end(
    progress: Progress, line: Line, clock: Clock
) -> None:
    with progress.shown(ready_text):
        progress.told(Step("downloading d", 50_000_000, 250_000_000))
        assert line.appeared.wait(30)
        clock.now += 2
        progress.told(Step("downloading d", 90_000_000, 250_000_000))
    assert line.shown[-1][0] == ("box ▸ downloading d, 90.0 MB of 250 MB, 20.0 MB/s, 8 s left")


def test_pieces_and_bytes_are_told_apart() -> None:
    assert step_text("box", Step("installing", 3, 14)) == "box ▸ installing, 3 of 14"
    assert step_text("box", Step("making the environment")) == "box ▸ making the environment"


def test_bytes_have_a_rate_and_a_time() -> None:
    step = Step("sending the project's files", 30_000_000, 80_000_000)
    assert pace_text(step, 10_000_000, 4.0) == ", 5.0 MB/s, 10 s left"
    assert pace_text(step, 10_000_000, 0.5) == ""
    assert pace_text(Step("x", 79_000_000, 80_000_000), 0, 4.0) == ", 19.8 MB/s"
    assert pace_text(Step("x", 80_000_000, 80_000_000), 0, 4.0) == ""
    assert pace_text(Step("writing files", 500, 2_000), 0, 4.0) == ""


def test_the_rate_begins_with_each_step(progress: Progress, line: Line, clock: Clock) -> None:
    with progress.shown(lambda seconds: "done"):
        progress.told(Step("fetching", 0, 10**6))
        assert line.appeared.wait(10)
        clock.now += 60.0
        progress.told(Step("sending", 0, 10**6))
        clock.now += 2.0
        progress.told(Step("sending", 500_000, 10**6))
    text, fraction = line.shown[-1]
    assert text == "box ▸ sending, 500 KB of 1.0 MB, 250 KB/s, 2 s left"
    assert fraction == 0.5
