"""The notebook as a session's front end: outputs appear in the cell that runs."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from typing import Any

from jupyter_remote_gpu.protocol.events import Event

from .bars import LINE_METADATA, NotebookBar, NotebookStepBar, line_data
from .comm_relay import CommRelay
from .late_output import LateOutput

KEPT_PARENTS = 200


class NotebookFrontEnd:
    """Shows a machine's events through the local ipykernel, as if the cell had run in it.

    Each machine has one of its own: what a widget or a late output answers is
    known to the machine that was given it, and to no other.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._kernel = shell.kernel
        self._parents: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._late = LateOutput()
        self._behind: list[Event] | None = None
        """What is shown once the cell's error was; None while no error is under way."""
        self._lock = threading.Lock()
        self.relay: CommRelay | None = None
        self.bar = NotebookBar(shell)

    @property
    def can_ask(self) -> bool:
        """Whether this front end answers `input()`."""
        return bool(getattr(self._kernel, "_allow_stdin", False))

    def parent(self) -> dict[str, Any]:
        """Return the header of the request being served, JSON-able."""
        message = self._kernel.get_parent()
        header = {key: str(value) for key, value in message.get("header", {}).items()}
        if "msg_id" in header:
            self.remember(header["msg_id"], message)
        return header

    def remember(self, msg_id: str, message: dict[str, Any]) -> None:
        """Keep a front end message, so that events can be sent as answers to it."""
        with self._lock:
            self._parents[msg_id] = message
            while len(self._parents) > KEPT_PARENTS:
                self._parents.popitem(last=False)

    def knows(self, msg_id: str) -> bool:
        """Whether a machine was given this message, to run it or to work it off; any thread."""
        with self._lock:
            is_cell = msg_id in self._parents
        return is_cell or (self.relay is not None and self.relay.message(msg_id) is not None)

    def has_comm(self, comm_id: str) -> bool:
        """Whether a comm of that id is open here, whoever opened it; any thread."""
        return comm_id in self._kernel.comm_manager.comms

    def step_bar(self) -> NotebookStepBar:
        """Return a line of the cell that is running now, which any thread can change."""
        return NotebookStepBar(self._kernel)

    def late_bar(self) -> NotebookStepBar:
        """Return such a line for what goes on after the cell."""
        return self.step_bar()

    def begin(self) -> None:
        """A remote cell begins: what was printed here before comes first, late output too."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.catch_up()

    def catch_up(self) -> None:
        """Show what earlier remote cells, or their children, said after their end."""
        late, lost = self._late.take()
        if late:
            self.note("late output of earlier remote cells:")
            for event in late:
                self.show(event)
        if lost:
            self.note(lost)

    def show(self, event: Event) -> None:
        """Display one output of the run that the calling cell waits for."""
        shower = _SHOWERS.get(event.kind)
        if self._of_callback(event):
            return
        if event.kind == "failing" and self._behind is None:
            self._behind = []
            self._shell.events.register("post_execute", self._show_behind)
        elif self._behind is not None and event.kind in _SHOWERS and event.kind != "error":
            self._behind.append(event)
            return
        if shower is not None:
            shower(self, event)
        elif event.kind.startswith("comm_"):
            self._relay(event)

    def aside(self, event: Event) -> None:
        """Relay widget messages; keep late outputs for the next remote cell."""
        if event.kind.startswith("comm_"):
            self._relay(event)
        elif event.kind == "kernel_died":
            self.gone()
        elif event.kind in _SHOWERS and not self._of_callback(event):
            self._late.add(event)

    def gone(self) -> None:
        """The kernel there has ended: its widgets stay as they are."""
        if self.relay is not None:
            self.relay.machine_gone()

    def ask(self, prompt: str, password: bool) -> str:
        """Ask through the front end's own input box."""
        answer = self._kernel.getpass(prompt) if password else self._kernel.raw_input(prompt)
        return str(answer)

    def note(self, text: str) -> None:
        """Show one small line of ours, marked so that it can be told from the cell's output."""
        self._shell.display_pub.publish(data=line_data(text), metadata=LINE_METADATA)

    def _show_behind(self) -> None:
        """The cell's error was shown: now what came behind it, as in one kernel."""
        self._shell.events.unregister("post_execute", self._show_behind)
        behind, self._behind = self._behind or [], None
        for event in behind:
            self.show(event)

    def _of_callback(self, event: Event) -> bool:
        """Show an output of a widget's callback with that; False if it is a cell's."""
        return self.relay is not None and self.relay.output_from_machine(event)

    def _relay(self, event: Event) -> None:
        if self.relay is not None:
            self.relay.from_machine(event, self._message(event))

    def _message(self, event: Event) -> dict[str, Any]:
        with self._lock:
            found = self._parents.get(event.parent or "")
        return found if found is not None else {"header": {"msg_id": event.parent or ""}}

    def _stream(self, event: Event) -> None:
        stream = sys.stdout if event.fields["name"] == "stdout" else sys.stderr
        if type(stream).__module__.startswith("ipykernel."):
            # Past the stream's own buffer of 0.2 s: this text was coalesced already.
            self._send("stream", event.fields)
        else:
            stream.write(event.fields["text"])

    def _display(self, event: Event) -> None:
        self._shell.display_pub.publish(
            data=event.fields["data"],
            metadata=event.fields["metadata"],
            transient=event.fields["transient"],
            update=event.kind == "update_display",
        )

    def _result(self, event: Event) -> None:
        captured = getattr(sys.displayhook, "outputs", None)
        content = {"data": event.fields["data"], "metadata": event.fields["metadata"]}
        if captured is not None:
            captured.append(content)
        else:
            count = self._shell.displayhook.prompt_count
            self._send("execute_result", {"execution_count": count, **content})

    def _clear(self, event: Event) -> None:
        self._shell.display_pub.clear_output(wait=event.fields["wait"])

    def _error(self, event: Event) -> None:
        fields = event.fields
        content = {
            "ename": fields["name"],
            "evalue": fields["value"],
            "traceback": fields["traceback"],
        }
        self._send("error", content)

    def _notice(self, event: Event) -> None:
        self.note(event.fields["text"])

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        kernel = self._kernel
        kernel.session.send(
            kernel.iopub_socket,
            kind,
            content,
            parent=kernel.get_parent(),
            ident=f"kernel.{kernel.ident}.{kind}".encode(),
        )


_SHOWERS = {
    "stream": NotebookFrontEnd._stream,
    "display": NotebookFrontEnd._display,
    "update_display": NotebookFrontEnd._display,
    "result": NotebookFrontEnd._result,
    "clear_output": NotebookFrontEnd._clear,
    "error": NotebookFrontEnd._error,
    "notice": NotebookFrontEnd._notice,
}
