"""A cell's wait for the end of its run: showing, asking, stopping meanwhile."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from jupyter_remote_gpu.errors import ConnectionLostError, RemoteGPUError
from jupyter_remote_gpu.protocol.events import Event

from . import following
from .cell_data import no_answer
from .following import interrupts_raised
from .front_end import FrontEnd
from .notes import NOTES, Note

PATIENCE_SECONDS = 10.0
"""After this long without a run having begun, the user is told what is waited for."""
INTERRUPTS_BEFORE_LEAVING = 3


class Waiting:
    """One wait; used by the thread that runs cells.

    `interrupt` sends SIGINT to the run without waiting for the answer, and
    `answer` what the user typed for an `input` event. `data` places what a
    `dataset` event asks for, publishes for a `publish`, and returns the answer to it.
    """

    def __init__(
        self,
        machine: str,
        front_end: FrontEnd,
        interrupt: Callable[[], None],
        answer: Callable[[Event, str], None],
        data: Callable[[Event], str] = no_answer,
    ) -> None:
        self._machine = machine
        self._front_end = front_end
        self._interrupt = interrupt
        self._answer = answer
        self._data = data
        self._interrupts = 0

    def until_end(
        self,
        items: queue.SimpleQueue[following.Item],
        begun: Callable[[], None],
        timeout: float | None = None,
    ) -> Event:
        """Show a run's events until it ends; `begun` is called once when it begins.

        Returns the `run_ended`, or the `kernel_died`. Never gives up on a run
        that goes on, however long it takes; the stop button, `timeout` and a lost
        connection end the wait.
        """
        has_begun = False
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                item = items.get(timeout=_patience(has_begun, deadline))
            except queue.Empty:
                if deadline is not None and time.monotonic() >= deadline:
                    deadline = None
                    self._out_of_time(timeout)
                elif not has_begun:
                    self._front_end.note(
                        f"{self._machine} ▸ waiting for the remote Python, which is still busy"
                        " (a widget's callback, or another client's cell)"
                    )
                continue
            if isinstance(item, RemoteGPUError):
                raise item
            if isinstance(item, str):
                self._told(item)
            elif item.kind == "run_started":
                has_begun = True
                for text in item.fields.get("notes", ()):
                    self._front_end.note(f"{self._machine} ▸ {text}")
                if not item.fields.get("refused"):
                    begun()
            elif item.kind in ("run_ended", "kernel_died"):
                return item
            elif item.kind == "input":
                self._ask(item)
            elif item.kind in ("dataset", "publish"):
                self._place(item)
            else:
                self._front_end.show(item)

    def _out_of_time(self, timeout: float | None) -> None:
        self._front_end.note(
            f"{self._machine} ▸ interrupted after {timeout:g} s, as --timeout asks"
        )
        self._interrupt()

    def _told(self, what: str) -> None:
        """React to something that is no event of the run."""
        if what == following.INTERRUPTED:
            self._interrupts += 1
            if self._interrupts > INTERRUPTS_BEFORE_LEAVING:
                raise KeyboardInterrupt(
                    f"stopped waiting; the cell goes on on {self._machine}:"
                    " `%remote_gpu attach` shows it, `%remote_gpu restart` ends it"
                )
            self._interrupt()
        elif isinstance(what, Note):
            self._front_end.note(f"{self._machine} ▸ {what}")
        elif what in NOTES:
            self._front_end.note(f"{self._machine} ▸ {NOTES[what]}")
        else:
            raise ConnectionLostError(
                f"the run on {self._machine} could not be reached any more: {what}",
                hint="It goes on there; `%remote_gpu attach` shows it once it is reached.",
            )

    def _ask(self, event: Event) -> None:
        """Get the user's answer to `input()` and pass it on; a stop interrupts the cell."""
        try:
            with interrupts_raised():
                value = self._front_end.ask(event.fields["prompt"], event.fields["password"])
        except KeyboardInterrupt:
            self._interrupt()
            return
        self._answer(event, value)

    def _place(self, event: Event) -> None:
        """Have done what a cell asks for with data; a stop ends that, and interrupts the cell."""
        try:
            with interrupts_raised():
                value = self._data(event)
        except KeyboardInterrupt:
            self._interrupt()
            return
        self._answer(event, value)


def _patience(has_begun: bool, deadline: float | None) -> float | None:
    """Return how long to wait for the next event before looking at the clock."""
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    if has_begun:
        return left
    return PATIENCE_SECONDS if left is None else min(left, PATIENCE_SECONDS)
