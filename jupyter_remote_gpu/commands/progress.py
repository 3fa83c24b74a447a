"""The one line that says how far a machine is with being made ready."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from jupyter_remote_gpu.errors import MachineError
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.summary import about_text, seconds_text, size_text

SHOWN_AFTER_SECONDS = 0.3
"""What is ready sooner says nothing."""
SHOWN_EVERY_SECONDS = 0.1
PACE_SECONDS = 1.0
"""A rate that was seen for a shorter time says little."""
STOPPED = "stopped; nothing was left half done"
STOPPED_FETCHING = "stopped; what was fetched is kept, and goes on when it is asked for again"
COUNTED = 10_000
"""Totals beyond are bytes, the others are pieces."""


class StepBar(Protocol):
    """One line of the cell that was running when it was made; used from any thread."""

    def show(self, text: str, fraction: float | None) -> None:
        """Show or update the line; `fraction` of the step is done, None if nobody knows."""
        ...

    def end(self, text: str) -> None:
        """Put a last text in the line's place."""
        ...


class Progress:
    """Takes the steps of one machine and shows them in the cell that waits for them.

    `told` may be called from any thread; what nobody waits for is not shown.
    After the user has pressed stop it raises, so that the work behind it ends.
    """

    def __init__(
        self,
        machine: str,
        open_bar: Callable[[], StepBar],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = machine
        self._open_bar = open_bar
        self._clock = clock
        self._lock = threading.Lock()
        self._bar: StepBar | None = None
        self._timer: threading.Timer | None = None
        self._latest = Step("")
        self.told_stop = False
        """Whether the user has read that what he interrupted was stopped."""
        self._began = self._changed = 0.0
        self._visible = self._stopped = False

    def told(self, step: Step) -> None:
        """Take a step (a `protocol.steps.Told`)."""
        with self._lock:
            if self._stopped:
                raise MachineError(f"making {self._machine} ready was stopped")
            if self._bar is None:
                return
            now = self._clock()
            again = step.what == self._latest.what
            if not again or step.done < self._latest.done:
                self._first, self._first_at = step, now
            self._latest = step
            if not self._visible:
                self._wait_to_show()
            elif not again or now - self._changed >= SHOWN_EVERY_SECONDS:
                self._show()

    def _wait_to_show(self) -> None:
        """Show the latest step in a while: the next one may take long to come."""
        if self._timer is None:
            self._timer = threading.Timer(SHOWN_AFTER_SECONDS, self._appear)
            self._timer.daemon = True
            self._timer.start()

    def _appear(self) -> None:
        with self._lock:
            if self._bar is not None and self._timer is threading.current_thread():
                self._show()

    def _show(self) -> None:
        """Show the latest step; called with the lock held."""
        assert self._bar is not None
        step = self._latest
        self._visible, self._changed = True, self._clock()
        text = step_text(self._machine, step)
        text += pace_text(step, self._first.done, self._changed - self._first_at)
        self._bar.show(text, step.done / step.total if step.total else None)

    @contextlib.contextmanager
    def shown(self, summary: Callable[[float], str], stopped: str = STOPPED) -> Iterator[None]:
        """Show what is told until the block is left; then, if anything was, a summary.

        `summary` is given the seconds it took; after Ctrl-C `stopped` takes its place.
        A block inside a block is part of it.
        """
        with self._lock:
            inside = self._bar is not None
            if not inside:
                self._bar = self._open_bar()
                self._began = self._clock()
                self._visible = self._stopped = False
        if inside:
            yield
            return
        try:
            yield
        except KeyboardInterrupt:
            self._end(lambda seconds: stopped, stopped=True)
            raise
        except BaseException:
            what = self._latest.what
            self._end(lambda seconds: f"failed while {what}" if what else "failed")
            raise
        self._end(summary)

    def _end(self, summary: Callable[[float], str], *, stopped: bool = False) -> None:
        with self._lock:
            bar, self._bar = self._bar, None
            timer, self._timer = self._timer, None
            self._stopped = stopped
            self._latest = Step("")
        if timer is not None:
            timer.cancel()
        if bar is not None and self._visible:
            self.told_stop = stopped
            bar.end(f"{self._machine} ▸ {summary(self._clock() - self._began)}")


def step_text(machine: str, step: Step) -> str:
    """Return the line for a step: "gpu-box ▸ sending the agent, 12 of 30 MB"."""
    line = f"{machine} ▸ {step.what}"
    if not step.total:
        return line
    if step.total > COUNTED:
        return f"{line}, {size_text(step.done)} of {size_text(step.total)}"
    return f"{line}, {step.done} of {step.total}"


def pace_text(step: Step, first: int, seconds: float) -> str:
    """Return how fast a step goes, and how long still: ", 5.2 MB/s, 20 s left".

    `first` is what was done when it began, so many `seconds` ago. "" where that is
    not known yet, or where pieces are counted and not bytes.
    """
    if step.total <= COUNTED or seconds < PACE_SECONDS or not first < step.done < step.total:
        return ""
    rate = (step.done - first) / seconds
    left = (step.total - step.done) / rate
    return f", {size_text(rate)}/s" + (f", {about_text(left)} left" if left >= 1 else "")


def ready_text(seconds: float, *parts: str) -> str:
    """Return the summary: "ready in 9 s: RTX 3090, Python 3.11, 14 packages"."""
    told = ", ".join(part for part in parts if part)
    return f"ready in {seconds_text(seconds)}" + (f": {told}" if told else "")
