"""A run as lines in a terminal."""

from __future__ import annotations

import io

from examples.running.cells import Cell
from examples.running.watch import Watch

TRAIN = Cell(1, 2, "Train", "remote", frozenset())
SAMPLE = Cell(2, 2, "Sample", "remote", frozenset({"samples"}))


class Terminal(io.StringIO):
    """A screen on which a line can be drawn over itself."""

    def isatty(self) -> bool:
        """Say that this is a terminal."""
        return True


def test_lines_are_shown_as_they_are_finished() -> None:
    screen = io.StringIO()
    watch = Watch(screen)

    watch.cell_started(TRAIN)
    watch.cell_wrote(TRAIN, "stdout", "one\ntw")
    watch.cell_wrote(TRAIN, "stdout", "o\nrest")
    watch.cell_ended(TRAIN, 2.04)

    assert screen.getvalue() == (
        "[1/2] remote Train\n      │ one\n      │ two\n      │ rest\n        2.0 s\n"
    )


def test_a_progress_bar_is_sampled_in_a_log() -> None:
    screen = io.StringIO()
    watch = Watch(screen)

    watch.cell_started(TRAIN)
    for percent in range(100):
        watch.cell_wrote(TRAIN, "stderr", f"\r{percent}%")
    watch.cell_wrote(TRAIN, "stderr", "\r100%\n")
    watch.cell_ended(TRAIN, 0.1)

    lines = screen.getvalue().splitlines()
    assert lines[:2] == ["[1/2] remote Train", "      │ 0%"]
    assert lines[-1] == "      │ 100%"
    assert len(lines) < 20


def test_a_progress_bar_is_drawn_over_itself_on_a_terminal() -> None:
    screen = Terminal()
    watch = Watch(screen)

    watch.cell_wrote(TRAIN, "stderr", "\r50%")
    watch.cell_wrote(TRAIN, "stderr", "\r100%\n")

    assert screen.getvalue() == "\r\x1b[K      │ 50%\r\x1b[K      │ 100%\n"


def test_samples_are_left_to_the_end() -> None:
    screen = io.StringIO()
    watch = Watch(screen)

    watch.cell_started(SAMPLE)
    watch.cell_wrote(SAMPLE, "stdout", "Alice\n")
    watch.cell_ended(SAMPLE, 0.1)

    assert screen.getvalue() == "[2/2] remote Sample\n"
