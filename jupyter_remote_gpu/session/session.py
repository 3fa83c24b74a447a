"""A notebook's session with one machine: capture, sync, run, follow, restore."""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
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
    RemoteGPUError,
)
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.frames import MAX_PAYLOAD_BYTES
from jupyter_remote_gpu.protocol.state import Cell
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.state.departing import Departure
from jupyter_remote_gpu.state.home import Home, Losses, Moved
from jupyter_remote_gpu.state.peer import Watch
from jupyter_remote_gpu.transport.base import Transport

from . import following, notes
from .cell_data import CellData, no_answer
from .client import AgentClient
from .following import Admit, Following, interrupts_into
from .front_end import FrontEnd
from .gpu_watch import GpuWatch
from .guard import FetchGuard, HopGuard, SendGuard
from .loop import LoopThread
from .machine_time import in_our_time
from .moving import Moving, Refusal
from .outcome import Outcome, concluded, outcome_of
from .pace import Direction, Pace, Through
from .peer import LinePeer
from .place import Place, Workspace
from .summary import losses_text
from .sync_runs import MOST_TRIES, FilesOfRuns
from .waiting import Waiting

REQUEST_SECONDS = 30.0
GUARD_SECONDS = 60.0
OPEN_SECONDS = 90.0
UNTRUSTED_MESSAGE_BYTES = 128 << 20
"""The longest message that is taken from a machine that is not trusted."""


log = logging.getLogger(__name__)
T = TypeVar("T")


class Session:
    """Runs cells of one notebook on one machine; used by the thread that runs cells.

    `home` is the notebook's half of the namespace, `machine` the name shown
    to the user. Nothing is started before it is needed. `admit` looks at each
    event of a machine that is not trusted, before anything else does.
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
        self.home = home
        self.machine = machine
        self.place = place
        self.workspace = place if isinstance(place, Workspace) else Workspace(place.notebook)
        self.kernel: dict[str, Any] | None = None
        self.pace = Pace()
        self.bar_shown = False  # for the latest fetch
        self.guard_seconds = guard_seconds
        self._transport = transport
        self._front_end = front_end
        self._loop = loop
        self._id = secrets.token_hex(4)
        self._skew_told = False
        self._following = Following(front_end, admit)
        longest = MAX_PAYLOAD_BYTES if admit is None else UNTRUSTED_MESSAGE_BYTES
        self._client = AgentClient(
            transport,
            self._id,
            self._following.tell,
            self._following.room,
            longest,
            renewed=self._renew_line,
            wrote=lambda word: self._files.wrote(word),
        )
        self._files = FilesOfRuns(lambda: self.place.files, self._say)
        self._peer: LinePeer | None = None
        self.data: CellData | None = None  # what cells ask for; the magic brings it
        self.gpu_watch = GpuWatch(
            loop, lambda: self._client.request(messages.Status), self._following.tell
        )

    # -- the machine ----------------------------------------------------------------------------

    def request(
        self,
        kind: type[messages.Message],
        *,
        timeout: float | None = REQUEST_SECONDS,
        told: Told | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Ask the agent for something and return its answer; blocks.

        `told` hears, in another thread, the steps of what takes long.
        """
        what = f"{self.machine} to answer ({kind.tag})"
        return self._loop.run(self._client.request(kind, told=told, **fields), timeout, what)

    def ready(self, python: str = "") -> dict[str, Any]:
        """Return the description of this session's kernel; starts one if there is none.

        `python` is the cell that is to run there first, as its packages come along.
        """
        died = self._following.kernel_died
        if self.kernel is not None and died is not None:
            # it ended between cells: whoever waits now is the first who can be told
            losses = losses_text(self._bury())
            self._say([f"{died.fields['message']}; a new remote Python is started. {losses}"])
        if self.kernel is None:
            self.workspace = place = self.place.open(self.request, python)
            opened = self.request(
                messages.OpenKernel,
                timeout=OPEN_SECONDS,
                notebook=place.notebook,
                python=place.python,
                folder=place.folder,
                environ=place.environ,
                workspace=place.name,
            )
            self._take_kernel(opened, after=0)
            self._say(notes.left(self.survivors()))
        assert self.kernel is not None
        return self.kernel

    def prepare(self, python: str) -> None:
        """Have all that a cell needs there: kernel, packages, files; quick where it is."""
        self.ready(python)
        self._say(self.place.before_cell(self.request, python))
        self._files.prepare(self.request, self._transport)

    def peer(self) -> LinePeer:
        """Return the line that values take to and from the kernel."""
        kernel = self.ready()
        if self._peer is None:
            self._peer = LinePeer(self._transport, self._id, kernel["kernel"])
        return self._peer

    def _renew_line(self) -> None:
        """What cut one connection has cut the others; called in the loop."""
        if self._peer is not None:
            self._peer.renew()

    @contextlib.contextmanager
    def shown_through(self, front_end: FrontEnd) -> Iterator[None]:
        """Show what runs show through another front end, until the block is left."""
        before, self._front_end = self._front_end, front_end
        try:
            yield
        finally:
            self._front_end = before

    def interrupt(self) -> None:
        """Send SIGINT to what runs there; KernelDiedError if nothing is there."""
        if self.kernel is None:
            raise KernelDiedError(
                f"nothing runs on {self.machine}", hint="A %%remote_gpu cell starts it."
            )
        self.request(messages.Interrupt, kernel=self.kernel["kernel"])

    def stop(self) -> Losses | None:
        """End the kernel there; return what was lost with it, None if there was none."""
        if self.kernel is None:
            return None
        kernel = self.kernel["kernel"]
        # A journal that cannot be read must not keep anybody from ending its kernel.
        self._client.unfollow(kernel)
        with contextlib.suppress(KernelDiedError):
            self.request(messages.StopKernel, kernel=kernel)
        return self._bury()

    def leave(self, *, stop: bool) -> None:
        """End the session; with `stop` the kernel too, unless a run is going on there."""
        if self.kernel is not None and stop and self._following.kernel_died is None:
            kernel = self.kernel["kernel"]
            with contextlib.suppress(RemoteGPUError):
                found = self.request(messages.ListKernels, timeout=3.0)["kernels"]
                busy = {k["kernel"] for k in found if k["busy"]}
                if kernel not in busy:
                    self.request(messages.StopKernel, timeout=5.0, kernel=kernel)
        if self._peer is not None:
            self._peer.close()
        self._files.close()
        self._loop.loop.call_soon_threadsafe(self._client.close)

    def send_comm(
        self,
        kind: str,
        content: dict[str, Any],
        metadata: dict[str, Any],
        buffers: Iterable[bytes],
        parent: dict[str, Any],
    ) -> None:
        """Pass a widget's message on to the kernel; returns at once, any thread."""
        if self.kernel is None:
            return
        message = messages.Comm(
            kernel=self.kernel["kernel"],
            kind=kind,
            content=content,
            metadata=metadata,
            parent=parent,
            blobs=tuple(buffers),
        )
        self._loop.start(self._client.send(message)).add_done_callback(_log_loss)

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

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._front_end.note(f"{self.machine} ▸ {line}")

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

    def with_client(self, work: Callable[[AgentClient], Coroutine[Any, Any, T]]) -> T:
        """Carry out what needs the client, in its loop; blocks for as long as that takes."""
        return self._loop.run(work(self._client), None, self.machine)

    # -- values ---------------------------------------------------------------------------------

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

    # -- the kernel's life ----------------------------------------------------------------------

    def survivors(self) -> list[dict[str, Any]]:
        """Return kernels of this notebook that another session of it left behind."""
        found = self.request(messages.ListKernels)["kernels"]
        own = None if self.kernel is None else self.kernel["kernel"]
        notebook = self.place.notebook
        left = (k for k in found if k["notebook"] == notebook and k["kernel"] != own)
        return in_our_time(left, self._client.clock_ahead)

    def runs(self) -> list[dict[str, Any]]:
        """Return the records of the runs of this session's kernel, oldest first."""
        if self.kernel is None:
            return []
        found = self.request(messages.ListRuns, kernel=self._kernel_id())["runs"]
        return in_our_time(found, self._client.clock_ahead)

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

    def _take_kernel(self, kernel: dict[str, Any], after: int) -> None:
        self.kernel = kernel
        self._following.number = after
        follow = self._client.follow(kernel["kernel"], after, self._following.take)
        self._loop.run(follow, REQUEST_SECONDS, f"the journal of {self.machine}")
        if self._transport.most_lines > 1:  # a way on which connecting takes long
            self.peer().open_ahead()
        skew = notes.skewed(self._client.clock_ahead)
        if skew is not None and not self._skew_told:
            self._skew_told = True
            self._front_end.note(f"{self.machine} ▸ {skew}")

    def _kernel_id(self) -> str:
        return str(self.ready()["kernel"])

    def _bury(self) -> Losses:
        """Let go of a kernel that is gone; say what went with it."""
        if self.kernel is not None:
            self._client.unfollow(self.kernel["kernel"])
            if self._following.kernel_died is not None:
                # We have its last words; the agent need not keep them.
                forget = self._client.request(messages.StopKernel, kernel=self.kernel["kernel"])
                self._loop.start(forget)
        if self._peer is not None:
            self._peer.close()
        self.kernel = self._peer = self._following.kernel_died = None
        self._front_end.gone()
        return self.home.lost()

    def _died(self, message: str) -> KernelDiedError:
        """Return the error for a kernel that is gone, naming what was lost with it."""
        losses = self._bury()
        return KernelDiedError(
            message,
            where=self.machine,
            hint=f"{losses_text(losses)} The next %%remote_gpu cell starts a new remote Python.",
        )

    def _run_failed(self, error: BaseException | None) -> None:
        if isinstance(error, KernelDiedError):
            self._following.ended(error.message)
        elif error is not None:
            own_words = (ProtocolError, HostKeyError, KeyRefusedError, FilesError, DiskFullError)
            self._following.tell(error if isinstance(error, own_words) else str(error))


def _log_loss(sent: Future[None]) -> None:
    """Say where one looks for such things that a widget's message did not arrive."""
    error = None if sent.cancelled() else sent.exception()
    if error is not None:
        log.warning("a widget's message was lost: %s", error)
