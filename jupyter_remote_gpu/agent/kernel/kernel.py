"""The Jupyter kernel on the machine: an IPython kernel that runs cells for us."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.protocol import frames, messages
from jupyter_remote_gpu.state.loaded import reloads_itself

from . import interrupts
from .capture import DescriptorCapture
from .comms import CommWorker
from .datasets import DatasetNames
from .interrupts import InterruptGuard
from .packages import PackageWatch
from .parents import Parents
from .reloading import Reloader
from .remote_state import RemoteState
from .writer import JournalWriter

END_LOOK_SECONDS = 0.5
KEPT_RESULTS = 3
"""How many results of cells `_`, `__`, `___` keep alive; more would pin GPU memory."""


class RemoteShell(ZMQInteractiveShell):
    """The shell of a remote kernel: leaves showing a cell's error to the notebook."""

    shown: tuple[Any, list[str]] | None = None
    """The latest exception that was to be shown, with its rendered traceback."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """Keep the error: if it ends the cell, the notebook's own cell will raise it.

        Magics such as `%%time` show an error and go on; then the journal gets
        it as an event (`emit_shown`). A widget's callback ends no cell: its
        error is journaled at once.
        """
        kernel: RemoteKernel = self.kernel
        shown = (evalue, [line for line in stb if isinstance(line, str)])
        if kernel.parents.in_callback:
            kernel.writer.append("error", describe_error(*shown), kernel.parents.current())
            return
        self.emit_shown()
        self._last_traceback = stb
        self.shown = shown

    def _get_exc_info(self, exc_tuple: Any = None) -> Any:
        """Return the exception to show, without the frames of our signal handler."""
        kind, value, traceback = super()._get_exc_info(exc_tuple)
        at = traceback
        while at is not None:
            below = at.tb_next
            if below is not None and below.tb_frame.f_code.co_filename == interrupts.__file__:
                at.tb_next = None
            at = at.tb_next
        return kind, value, traceback

    def get_parent(self) -> dict[str, Any]:
        """Return the front end's message that the calling thread serves.

        An Output widget asks for it in a callback, which may run in the comm
        worker's thread; ipykernel would answer with the cell's.
        """
        kernel: RemoteKernel = self.kernel
        return kernel.parents.current().message

    def emit_shown(self) -> None:
        """Journal the kept error as one that did not end the cell."""
        if self.shown is not None:
            kernel: RemoteKernel = self.kernel
            fields = describe_error(*self.shown)
            kernel.writer.append("error", fields, kernel.parents.current())
            self.shown = None

    def ask_exit(self) -> None:
        """`exit` and `quit` in a cell: the kernel serves a notebook and stays."""
        print("The remote Python keeps running. `%remote_gpu stop` ends it.")


class RemoteKernel(IPythonKernel):
    """Runs cells that arrive as `Run` messages and journals what becomes of them.

    Requests come over the ordinary Jupyter channels as message types of our
    own (`remote_gpu_run` and `remote_gpu_settle` on shell; `remote_gpu_input` and `remote_gpu_comm`
    on control), each with one of `protocol.messages` as its only buffer.
    """

    shell: Any
    shell_class = RemoteShell
    # Set by the application before the kernel is made.
    writer: JournalWriter
    parents: Parents
    guard: InterruptGuard
    capture: DescriptorCapture
    settled = threading.Event()
    """Set once a notebook has this kernel, which is at once unless it was a spare one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._busy = False
        self.ends_after_run = False
        self.datasets: DatasetNames | None = None
        self._seen: set[str] = set()
        self._inputs: queue.SimpleQueue[messages.Input] = queue.SimpleQueue()
        self._asking = threading.Lock()
        # The first of its kind: matplotlib's, which shows open figures, comes after it.
        self.shell.events.register("post_execute", self._cell_failed)
        self.shell_handlers["remote_gpu_run"] = self._on_run
        self.shell_handlers["remote_gpu_settle"] = self._on_settle
        self.control_handlers["remote_gpu_input"] = self._on_input
        self.control_handlers["remote_gpu_comm"] = self._on_comm
        self.remote_state = RemoteState(self.shell)
        self._reloader = Reloader(self.guard, lambda: reloads_itself(self.shell))
        self._packages = PackageWatch()
        self._comms: CommWorker | None = None

    def start(self) -> None:
        """Begin to serve; called by the application once the shell is ready."""
        super().start()
        self._comms = CommWorker(
            self.comm_manager,
            self.writer,
            self.parents,
            lambda: self._busy,
            self._call_main,
            self.guard,
            self.shell.showtraceback,
            self.log,
        )

    def get_parent(self, channel: str | None = None) -> dict[str, Any]:
        """Return the front end's message that the calling thread serves."""
        return self.parents.current().message

    # ipywidgets 7 reads it under this name to aim an Output widget.
    _parent_header = property(get_parent)

    @property
    def _supports_kernel_subshells(self) -> bool:
        """Whether ipykernel has a thread for the shell channel; see `app.NoShellThread`."""
        return False

    def pre_handler_hook(self) -> None:
        """Leave SIGINT as it is: runs install their own handler."""

    def post_handler_hook(self) -> None:
        """Leave SIGINT as it is."""

    def _cell_failed(self) -> None:
        """Say that what the shell shows after a failed cell belongs behind its error."""
        if self.shell.shown is not None:
            self.writer.append("failing", {}, self.parents.current())

    def _call_main(self, work: Callable[[], None]) -> None:
        self.io_loop.add_callback(work)

    def _on_comm(self, stream: Any, ident: Any, msg: Any) -> None:
        message = _message(msg)
        if isinstance(message, messages.Comm) and self._comms is not None:
            self._comms.put(message)

    def _on_input(self, stream: Any, ident: Any, msg: Any) -> None:
        message = _message(msg)
        if isinstance(message, messages.Input):
            self._inputs.put(message)

    def _input_request(self, prompt: str, ident: Any, parent: Any, password: bool = False) -> str:
        """Ask the user through the journal; any attached client may answer."""
        return self._answer_to("input", {"prompt": str(prompt), "password": password})

    def ask_for_dataset(self, address: str) -> str:
        """Return what the notebook says to `dataset(address)`; blocks."""
        return self._answer_to("dataset", {"address": address})

    def ask_to_publish(self, question: dict[str, Any]) -> str:
        """Return what the notebook says to a question of `push_to_hub`; blocks."""
        return self._answer_to("publish", {"question": question})

    def _answer_to(self, kind: str, fields: dict[str, Any]) -> str:
        """Journal a question and wait for its answer; threads do so one after another."""
        with self._asking:
            self.writer.append(kind, fields, self.parents.current())
            number = self.writer.flush()
            while True:
                answer = self._inputs.get()
                if answer.event == number:
                    return answer.value

    def _on_settle(self, stream: Any, ident: Any, msg: Any) -> None:
        """A spare kernel gets its notebook's folder and variables, before the first run."""
        request = _message(msg)
        if isinstance(request, messages.OpenKernel):
            os.environ.update(request.environ)
            os.chdir(request.folder)
            if self.datasets is not None:
                self.datasets.folder = Path(request.folder)
            self.remote_state.settle()
            self.settled.set()

    async def _on_run(self, stream: Any, ident: Any, msg: Any) -> None:
        run = _message(msg)
        if not isinstance(run, messages.Run) or run.run in self._seen:
            return
        self._seen.add(run.run)
        self._busy = True
        if self._comms is not None:
            self._comms.run_begins()
        try:
            await self._run(run)
        finally:
            self._busy = False
            if self.ends_after_run:
                self._end_when_written()

    def _end_when_written(self) -> None:
        """End this process once all is in the journal's file; a full disk is waited for."""
        self.writer.flush()
        if self.writer.waits:
            self.io_loop.call_later(END_LOOK_SECONDS, self._end_when_written)
        else:
            self.io_loop.add_callback(self.io_loop.stop)

    def ask_for_input(self) -> str:
        """Return a piece of what a client types; blocks, called by a thread of a run's own."""
        return self._input_request("", None, None)

    async def _run(self, run: messages.Run) -> None:
        """Carry out one run: apply what came along, execute, report, journal."""
        parent = self.parents.begin(run.run, run.parent)
        self.set_parent([], {"header": run.parent, "metadata": {}, "content": {}})
        self._packages.begin()
        started = time.monotonic()
        fields: dict[str, Any] = {"source": run.source, "count": run.count}
        data = {} if self.datasets is None else self.datasets.present()
        if data:
            fields["datasets"] = data
        refusal: RemoteGPUError | None = None
        with self.remote_state.run():
            try:
                reload = partial(self._reload, fields)
                fields["sent"] = self.remote_state.arrive(run.state, run.blobs, reload)
                self.remote_state.before_run(run.source)
            except RemoteGPUError as error:
                refusal = error
                fields["refused"] = True
            self.writer.write("run_started", fields, parent, ring=False)
            blobs: list[Any] = []
            if refusal is not None:
                end: dict[str, Any] = {"status": "refused", "error": _own_error(refusal)}
            else:
                end = await self._execute(run)
                try:
                    end["report"], blobs, end["bound"] = self.remote_state.after_run()
                except RemoteGPUError as error:
                    end.update(status="error", error=_own_error(error))
        self._reloader.look()
        self.capture.finish()
        end["seconds"] = time.monotonic() - started
        if self.datasets is not None and self.datasets.present() != data:
            end["datasets"] = self.datasets.present()
        changed = self._packages.report()
        if changed is not None:
            end["packages"] = changed
        self.writer.write("run_ended", end, parent, blobs)

    def _reload(self, fields: dict[str, Any]) -> None:
        """Bring the user's modules up to their files; put what is to be said into `fields`."""
        notes = self._reloader.reload(self.remote_state.namespaces)
        if notes:
            fields["notes"] = notes

    async def _execute(self, run: messages.Run) -> dict[str, Any]:
        """Run the cell as IPython does; return status, error and payload."""
        shell = self.shell
        shell.execution_count = run.count
        self.guard.install()
        try:
            reply = await self.do_execute(run.source, False, True, {}, run.stdin)
        except KeyboardInterrupt:
            # It came between the cell's last statement and our taking over.
            reply = {"status": "error", "traceback": ["KeyboardInterrupt"]}
        finally:
            self.guard.remove()
        error = None
        if reply["status"] == "error":
            value, traceback = shell.shown or (KeyboardInterrupt(), reply["traceback"])
            error = describe_error(value, traceback)
            shell.shown = None
        shell.emit_shown()
        self._forget_results()
        payload = [p for p in reply.get("payload", []) if p.get("source") != "ask_exit"]
        return {"status": reply["status"], "error": error, "payload": payload}

    def _forget_results(self) -> None:
        names = self.shell.user_ns
        numbers = sorted(n for n in names.get("_oh", {}) if isinstance(n, int))
        for number in numbers[:-KEPT_RESULTS]:
            names["_oh"].pop(number, None)
            names.pop(f"_{number}", None)


def _message(msg: dict[str, Any]) -> messages.Message:
    frame, _ = next(frames.split(b"".join(bytes(b) for b in msg["buffers"])))
    return messages.decode(frame)


def _own_error(error: RemoteGPUError) -> dict[str, Any]:
    return {"own": type(error).__name__, "message": error.message, "hint": error.hint}


def describe_error(value: BaseException, traceback: list[str]) -> dict[str, Any]:
    """Describe an exception so that the other side can raise or show its like."""
    kind = type(value)
    try:
        text = str(value)
    except Exception as broken:
        text = f"<its text could not be made: {type(broken).__name__}>"
    return {
        "name": kind.__name__,
        "value": text,
        "traceback": traceback,
        "module": kind.__module__,
        "bases": [f"{c.__module__}.{c.__qualname__}" for c in kind.__mro__[1:]],
        "args": [a for a in value.args if a is None or isinstance(a, (str, int, float, bool))],
    }
