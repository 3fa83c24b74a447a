"""A notebook's session with one machine: capture, sync, run, follow, restore."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    DiskFullError,
    FilesError,
    HostKeyError,
    KernelDiedError,
    KeyRefusedError,
    NotAvailableError,
    ProjectChangedError,
    ProtocolError,
)
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.state import Cell
from jupyter_remote_gpu.state.departing import Departure
from jupyter_remote_gpu.state.home import Home, Moved
from jupyter_remote_gpu.state.peer import Watch
from jupyter_remote_gpu.transport.base import Transport

from . import following
from .cell_data import CellData, no_answer
from .following import Admit, interrupts_into
from .front_end import FrontEnd
from .gpu_watch import GpuWatch
from .guard import FetchGuard, HopGuard, SendGuard
from .loop import LoopThread
from .moving import Moving, Refusal
from .outcome import Outcome, concluded, outcome_of
from .pace import Direction, Pace, Through
from .place import Place
from .remote_python import RemotePython
from .sync_runs import MOST_TRIES
from .waiting import Waiting

GUARD_SECONDS = 60.0

T = TypeVar("T")


class Session(RemotePython):
    """Runs cells of one notebook on one machine; used by the thread that runs cells.

    Nothing is started before it is needed. A move of values that would take longer
    than `guard_seconds` is refused. The rest is said at `RemotePython`.
    """

    def __init__(
        self,
        home: Home,
        transport: Transport,
        place: Place,
        front_end: FrontEnd,
        machine: str,
        loop: LoopThread,
        guard_seconds: float = GUARD_SECONDS,
        admit: Admit | None = None,
    ) -> None:
        super().__init__(home, transport, place, front_end, machine, loop, admit)
        self.pace = Pace()
        self.bar_shown = False  # for the latest fetch
        self.guard_seconds = guard_seconds
        self.data: CellData | None = None  # what cells ask for; the magic brings it
        self.gpu_watch = GpuWatch(
            loop, lambda: self._client.request(messages.Status), self._following.tell
        )

    # -- cells ----------------------------------------------------------------------------------

    def run_cell(
        self,
        source: str,
        python: str,
        count: int,
        filename: str = "",
        *,
        timeout: float | None = None,
        unguarded: bool = False,
        both: Cell | None = None,
        keeps_home: bool = False,
    ) -> Outcome:
        """Run a cell there and show what it shows, until it ends.

        `source` is the cell as typed, `python` the same in plain Python,
        `count` the number it has in the notebook; after `timeout` seconds it
        is interrupted. Raises SyntaxError and errors of the tree (`TooLongError`
        if sending takes longer than `guard_seconds`, unless `unguarded`); an
        exception of the cell itself is in the outcome. With `keeps_home` the
        values of here stay the newest (`Home.keep`); `both` is the local cell
        that this one is the other half of.
        """
        started = time.monotonic()
        if not self._files.prepared:
            self.prepare(python)
        departure = self.home.depart(python, filename, both)
        if self.data is not None:
            for address in departure.data:  # values that go have paths in them
                self.data.place(address)
        prepared = departure
        departure, shown = self._move(
            lambda watch: self.home.send_ahead(prepared, self.peer(), watch),
            lambda: self._moving("out", SendGuard(self.machine, self.home.about), unguarded),
        )
        synced = time.monotonic()
        for attempt in range(MOST_TRIES):
            try:
                with self.gpu_watch.during(python), self._files.during():
                    end = self._run(source, count, departure, timeout)
                break
            except ProjectChangedError:
                if attempt == MOST_TRIES - 1:
                    raise
                self._files.refused(self.request, self._transport)
        ended = time.monotonic()
        outcome = concluded(self.home, end, departure, keeps_home)
        self._files.after(self.request, self._transport)
        if end.fields.get("packages"):
            self._say(self.place.after_cell(self.request, end.fields["packages"]))
        seconds = synced - started + time.monotonic() - ended
        return replace(outcome, sync_seconds=seconds, sent_shown=shown)

    def _run(self, source: str, count: int, departure: Departure, timeout: float | None) -> Event:
        """Send a run, with what it carries of values and files, and await its end."""
        run = f"{self._id}-{secrets.token_hex(4)}"
        with self._following.awaiting(run) as items, interrupts_into(items):
            fields, blobs = departure.begin.pack()
            kind, blobs_too, more = self._files.request(blobs)
            request = self._client.request(
                kind,
                blobs=blobs_too,
                kernel=self._kernel_id(),
                run=run,
                source=source,
                count=count,
                parent=self._front_end.parent(),
                stdin=self._front_end.can_ask,
                state=fields,
                **more,
            )
            sent = self._loop.start(request)
            sent.add_done_callback(lambda done: self._run_failed(done.exception()))
            return self._await_end(items, lambda: self.home.commit(departure), timeout, source)

    def _run_failed(self, error: BaseException | None) -> None:
        if isinstance(error, KernelDiedError):
            self._following.ended(error.message)
        elif error is not None:
            own_words = (ProtocolError, HostKeyError, KeyRefusedError, FilesError, DiskFullError)
            self._following.tell(error if isinstance(error, own_words) else str(error))

    def _await_end(
        self,
        items: queue.SimpleQueue[following.Item],
        begun: Callable[[], None],
        timeout: float | None = None,
        source: str = "",
    ) -> Event:
        """Show a run's events until it ends; KernelDiedError if its kernel ends instead."""
        data = partial(self.data.answer, source=source) if self.data else no_answer
        waiting = Waiting(self.machine, self._front_end, self._interrupt_soon, self._answer, data)
        end = waiting.until_end(items, begun, timeout)
        if end.kind == "kernel_died":
            raise self._died(end.fields["message"])
        return end

    def _interrupt_soon(self) -> None:
        """Send SIGINT without waiting for the answer; the run's end is what is waited for."""
        self._loop.start(self._client.request(messages.Interrupt, kernel=self._kernel_id()))

    def _answer(self, event: Event, value: str) -> None:
        """Pass on what the user typed for a prompt."""
        request = self._client.request(
            messages.Input, kernel=self._kernel_id(), event=event.number, value=value
        )
        self._loop.start(request)

    def attach(self, kernel: dict[str, Any]) -> Outcome | None:
        """Take over a kernel that an earlier session left, and show its latest run.

        What the run has shown so far comes first, then what it still shows,
        until it ends; its names are here from then on. None if it had no run.
        """
        if self.kernel is not None:
            raise NotAvailableError(
                "this notebook has a remote Python already",
                hint="`%remote_gpu stop` ends it; then attach.",
            )
        self.kernel = kernel
        runs = self.runs()
        last = runs[-1] if runs else None
        outcome = None
        if last is None or last["status"] == "refused":
            self._take_kernel(kernel, after=0)
        else:
            outcome = self._attach_run(kernel, last)
        self.home.attach(self.peer().census())
        # The environment there may lack what the notebook has come to need meanwhile.
        self.workspace = self.place.open(self.request)
        self._files.after(self.request, self._transport)
        return outcome

    def _attach_run(self, kernel: dict[str, Any], run: dict[str, Any]) -> Outcome:
        with self._following.awaiting(run["run"]) as items, interrupts_into(items):
            self._take_kernel(kernel, after=run["first"] - 1)
            end = self._await_end(items, lambda: None)
        # whoever shows an earlier run does not page or edit for it again
        return replace(outcome_of(end), payload=[])

    # -- values -----------------------------------------------------------------------------------

    def fetch(
        self,
        names: Iterable[str],
        optional: Iterable[str] = (),
        *,
        unguarded: bool = False,
        asked: str = "",
        bound_for: Session | None = None,
    ) -> Moved:
        """Bring the newest values of names here; blocks. Interrupted, nothing has changed.

        Those of `optional` stay where they are if they cannot be copied. Raises
        `TooLongError` if that takes longer than `guard_seconds`, unless
        `unguarded`; `asked` is the expression whose result is fetched, if one is.
        What is `bound_for` another session's machine has the way there to go too.
        """
        pace = self.pace if bound_for is None else Through(self.pace, bound_for.pace)
        refuse: Refusal = FetchGuard(self.machine, self.home.about, asked)
        if bound_for is not None:
            refuse = HopGuard(self.machine, bound_for.machine, self.home.about)
        moved, self.bar_shown = self._move(
            lambda watch: self.home.fetch(names, self.peer(), watch, optional),
            lambda: self._moving("in", refuse, unguarded, pace),
        )
        return moved

    def _moving(
        self, direction: Direction, refuse: Refusal, unguarded: bool, pace: Pace | None = None
    ) -> Moving:
        limit = None if unguarded else self.guard_seconds
        bar = self._front_end.bar
        return Moving(self.machine, direction, bar, pace or self.pace, limit, refuse)

    def _move(self, move: Callable[[Watch], T], watched: Callable[[], Moving]) -> tuple[T, bool]:
        """Carry out a move of values; return what it returns, and whether it was shown.

        A line that has stood since an earlier move may have died unseen: it is
        made again once. If the kernel is gone, what went with it is named.
        """
        stood = self._peer is not None
        while True:
            try:
                with watched() as moving:
                    return move(moving), moving.shown
            except ConnectionLostError:  # noqa: PERF203  (twice at most)
                if not stood:
                    raise
                stood = False
            except KernelDiedError as error:
                raise self._died(error.message) from None
