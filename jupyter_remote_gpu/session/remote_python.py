"""The remote half of a notebook: one kernel on one machine, its connection and its life."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from jupyter_remote_gpu.errors import KernelDiedError, RemoteGPUError
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.frames import MAX_PAYLOAD_BYTES
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.state.home import Home, Losses
from jupyter_remote_gpu.transport.base import Transport

from . import notes
from .client import AgentClient
from .following import Admit, Following
from .front_end import FrontEnd
from .loop import LoopThread
from .machine_time import in_our_time
from .peer import LinePeer
from .place import Place, Workspace
from .summary import losses_text
from .sync_runs import FilesOfRuns

REQUEST_SECONDS = 30.0
OPEN_SECONDS = 90.0
UNTRUSTED_MESSAGE_BYTES = 128 << 20
"""The longest message that is taken from a machine that is not trusted."""


log = logging.getLogger(__name__)
T = TypeVar("T")


class RemotePython:
    """The kernel that one notebook has on one machine; used by the thread that runs cells.

    It is started when something first needs it, and a new one after it ended.
    `home` is the notebook's half of the namespace, `machine` the name shown
    to the user. `admit` looks at each event of a machine that is not trusted,
    before anything else does. `Session` runs cells and moves values on top of it.
    """

    def __init__(
        self,
        home: Home,
        transport: Transport,
        place: Place,
        front_end: FrontEnd,
        machine: str,
        loop: LoopThread,
        admit: Admit | None = None,
    ) -> None:
        self.home = home
        self.machine = machine
        self.place = place
        self.workspace = place if isinstance(place, Workspace) else Workspace(place.notebook)
        self.kernel: dict[str, Any] | None = None
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

    def with_client(self, work: Callable[[AgentClient], Coroutine[Any, Any, T]]) -> T:
        """Carry out what needs the client, in its loop; blocks for as long as that takes."""
        return self._loop.run(work(self._client), None, self.machine)

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

    @contextlib.contextmanager
    def shown_through(self, front_end: FrontEnd) -> Iterator[None]:
        """Show what runs show through another front end, until the block is left."""
        before, self._front_end = self._front_end, front_end
        try:
            yield
        finally:
            self._front_end = before

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._front_end.note(f"{self.machine} ▸ {line}")

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

    # -- its life -------------------------------------------------------------------------------

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

    def _kernel_id(self) -> str:
        return str(self.ready()["kernel"])

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


def _log_loss(sent: Future[None]) -> None:
    """Say where one looks for such things that a widget's message did not arrive."""
    error = None if sent.cancelled() else sent.exception()
    if error is not None:
        log.warning("a widget's message was lost: %s", error)
