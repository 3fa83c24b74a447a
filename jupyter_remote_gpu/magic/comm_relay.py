"""Widgets made in remote cells, live in the local front end.

A comm there and the front end's half of it here have the same id, and a
message keeps the id that the front end gave it. So nothing is translated:
what the machine says is sent on as the local kernel's own message, and what
the front end says goes to the machine (docs/design/widgets.md).
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_remote_gpu.protocol.events import Event

from . import callback_output
from .control_comm import ControlTarget
from .output_capture import Capture, Captures
from .widget_state import WidgetModel, split

HANDLED_SECONDS = 2.0
"""How long the local kernel stays busy with a message that the machine works on."""
KEPT_MESSAGES = 200
"""Messages of the front end whose late outputs still find their way to it."""

WIDGET_TARGET = "jupyter.widget"
_STATE_METHODS = ("update", "echo_update")

log = logging.getLogger(__name__)

Send = Callable[
    [str, dict[str, Any], dict[str, Any], Iterable[bytes], dict[str, Any]],
    None,
]


class CommRelay:
    """Passes comm messages between the machine's kernel and the local front end.

    One a machine; `control`, which all share, answers pages that were reloaded.
    `send(kind, content, metadata, buffers, parent_header)` takes messages for
    the machine and returns at once. Threads: `from_machine` is called by one
    thread at a time, handlers of the front end's messages by the kernel's
    main or subshell thread. No lock is held while anything is sent or waited for.
    """

    def __init__(self, shell: Any, send: Send, control: ControlTarget) -> None:
        self._kernel = shell.kernel
        self._send = send
        self._manager = shell.kernel.comm_manager
        self._proxies: dict[str, ProxyComm] = {}
        self._lock = threading.Lock()
        self._served: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._handled: dict[str, threading.Event] = {}
        self._behind = False
        self._captures = Captures()
        self._late: set[str] = set()
        self._told_gone = False
        self._handing_out = threading.local()
        self._control = control

    # -- from the machine -----------------------------------------------------------------------

    def from_machine(self, event: Event, parent: dict[str, Any]) -> None:
        """Send a comm event of the machine on to the front end; never blocks.

        `parent` is the front end's message that the event answers, as far as
        the caller knows it; the relay knows those that it passed on itself.
        """
        self._handing_out.now = True
        try:
            if event.kind == "comm_handled":
                self._release(event.parent)
                return
            content = event.fields["content"]
            if self._note(event.kind, content, event.buffers):
                self._to_front_end(
                    event.kind,
                    content,
                    event.fields.get("metadata") or {},
                    event.buffers,
                    self.message(event.parent) or parent,
                )
        finally:
            self._handing_out.now = False

    def output_from_machine(self, event: Event) -> bool:
        """Show what a callback put out where the front end shows the output of its message.

        That is where an Output widget captures it. Once the front end has let
        go of the message, an Output that captures for it is written from here.
        False if the event is no output, or nobody would see it that way.
        """
        message = self.message(event.parent)
        published = callback_output.published(event)
        if message is None or published is None:
            return False
        kind, content = published
        with self._lock:
            late = event.parent in self._late
            captures = self._captures.take(event.parent, kind, content)
        if not late:
            self._publish(kind, content, message)
            return True
        for capture in captures:
            self._write_outputs(capture, message)
        return bool(captures)

    def _write_outputs(self, capture: Capture, message: dict[str, Any]) -> None:
        update = {"comm_id": capture.comm_id, "data": _outputs(capture)}
        with self._lock:
            proxy = self._proxies.get(capture.comm_id)
            if proxy is not None:
                proxy.model.merge(update["data"], ())
        self._to_front_end("comm_msg", update, {}, (), message)

    def message(self, msg_id: str | None) -> dict[str, Any] | None:
        """Return a front end's comm message that was passed on, None if it is no such id."""
        with self._lock:
            return self._served.get(msg_id or "")

    def _note(self, kind: str, content: dict[str, Any], buffers: Iterable[bytes]) -> bool:
        """Take a message into the proxies; False if the front end knows no such comm."""
        comm_id = content["comm_id"]
        if kind == "comm_open":
            self._prepare_control(content.get("target_name"))
            proxy = ProxyComm(self, comm_id, content.get("target_name") or "")
            proxy.model.merge(content.get("data"), tuple(buffers))
            with self._lock:
                self._proxies[comm_id] = proxy
            self._manager.register_comm(proxy)
            return True
        with self._lock:
            known = self._proxies.get(comm_id)
            if known is None:
                return False
            if kind == "comm_close":
                del self._proxies[comm_id]
            elif content.get("data", {}).get("method") in _STATE_METHODS:
                known.model.merge(content["data"], tuple(buffers))
                aimed_at = content["data"].get("state", {}).get("msg_id")
                if aimed_at == "" or aimed_at in self._served:
                    self._captures.aim(comm_id, known.model.state, aimed_at)
        if kind == "comm_close":
            self._manager.comms.pop(comm_id, None)
        return True

    def _prepare_control(self, target: str | None) -> None:
        """Be ready for a page reload, from the first remote widget on.

        ipywidgets takes the control target when it is imported; done by the
        user later, that would push ours aside. So it is imported first.
        """
        if target != WIDGET_TARGET:
            return
        if importlib.util.find_spec("ipywidgets") is not None:
            importlib.import_module("ipywidgets")
        self._control.install()

    def models(self) -> list[tuple[str, WidgetModel]]:
        """Return the machine's widgets by their comm ids, as copies; any thread."""
        with self._lock:
            return [
                (comm_id, proxy.model.copy())
                for comm_id, proxy in self._proxies.items()
                if proxy.target_name == WIDGET_TARGET
            ]

    def _release(self, msg_id: str | None) -> None:
        """A message was worked off: end the wait for it, and bring late captures home."""
        with self._lock:
            self._behind = False
            waiting = self._handled.get(msg_id or "")
            if waiting is not None:
                waiting.set()
            ended = self._captures.end(msg_id)
            late = msg_id in self._late
            self._late.discard(msg_id or "")
            message = self._served.get(msg_id or "")
        if late and message is not None:
            # The widget there learns of what its page was shown.
            for capture in ended:
                content = {"comm_id": capture.comm_id, "data": _outputs(capture)}
                self._send("comm_msg", content, {}, (), _plain(message["header"]))

    def _to_front_end(
        self,
        kind: str,
        content: dict[str, Any],
        metadata: dict[str, Any],
        buffers: Iterable[bytes],
        parent: dict[str, Any],
    ) -> None:
        self._kernel.session.send(
            self._kernel.iopub_socket,
            kind,
            content,
            parent=parent,
            ident=f"comm-{content['comm_id']}".encode(),
            metadata=metadata,
            buffers=list(buffers) or None,
        )

    # -- from the front end ---------------------------------------------------------------------

    def from_front_end(self, proxy: ProxyComm, kind: str, msg: dict[str, Any]) -> None:
        """Pass a message of the front end on, and wait a while for it to be worked off.

        The front end lets go of a message, and an Output widget of what it
        captures for it, once this kernel is idle; so this kernel stays busy
        until the machine is done. Called by the proxies.
        """
        buffers = tuple(bytes(b) for b in msg.get("buffers") or ())
        data = msg["content"].get("data", {})
        method = data.get("method") if isinstance(data, dict) else None
        if method == "request_state":
            self._answer_state(proxy, msg)
            return
        if proxy.gone:
            self._say_gone(msg)
            return
        with self._lock:
            if method == "update":
                if self._captures.holds(proxy.comm_id, self._late) and "outputs" in data["state"]:
                    # What the front end captured before it let go: known here, and more.
                    return
                proxy.model.merge(data, buffers)
            self._served[msg["header"]["msg_id"]] = msg
            while len(self._served) > KEPT_MESSAGES:
                self._served.popitem(last=False)
        with self._until_handled(msg["header"]["msg_id"]):
            self._send(
                kind,
                {"comm_id": proxy.comm_id, "data": data},
                msg.get("metadata") or {},
                buffers,
                _plain(msg["header"]),
            )

    def _answer_state(self, proxy: ProxyComm, msg: dict[str, Any]) -> None:
        """Answer a page that asks for one widget's state; what is known here is the newest."""
        with self._lock:
            state, paths, blobs = split(proxy.model.state)
        data = {"method": "update", "state": state, "buffer_paths": paths}
        self._to_front_end("comm_msg", {"comm_id": proxy.comm_id, "data": data}, {}, blobs, msg)

    @contextmanager
    def _until_handled(self, msg_id: str) -> Iterator[None]:
        """Wait at the block's end until the machine has handled the message, or it takes too long.

        A machine that is behind with an earlier message is not waited for
        again: each of a slider's hundred steps would hold the kernel up. On a
        thread that is just handing out the machine's events, waiting for one
        of them would be waiting for oneself.
        """
        done = threading.Event()
        with self._lock:
            wait = not self._behind and not getattr(self._handing_out, "now", False)
            self._handled[msg_id] = done
        try:
            yield
            if wait:
                done.wait(HANDLED_SECONDS)
        finally:
            with self._lock:
                self._handled.pop(msg_id, None)
                if not done.is_set():
                    self._late.add(msg_id)
                    self._behind = self._behind or wait

    def _say_gone(self, msg: dict[str, Any]) -> None:
        """Tell once per loss, where a callback's output shows, why nothing happens."""
        with self._lock:
            told, self._told_gone = self._told_gone, True
        if told:
            return
        text = (
            "This widget belongs to a remote Python that is gone; it keeps what it showed last."
            " Run its cell again to make it live.\n"
        )
        log.warning(text.strip())
        self._publish("stream", {"name": "stderr", "text": text}, msg)

    def _publish(self, kind: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        self._kernel.session.send(
            self._kernel.iopub_socket,
            kind,
            content,
            parent=parent,
            ident=f"kernel.{self._kernel.ident}.{kind}".encode(),
        )

    # -- life -----------------------------------------------------------------------------------

    def machine_gone(self) -> None:
        """The kernel there has ended: its widgets stay as they are, and say so when used."""
        with self._lock:
            if any(not proxy.gone for proxy in self._proxies.values()):
                self._told_gone = False
            for proxy in self._proxies.values():
                proxy.gone = True
            for done in self._handled.values():
                done.set()
            self._behind = False
            self._late.clear()

    def remove(self) -> None:
        """Take all proxies out of the local kernel again."""
        self.machine_gone()
        with self._lock:
            proxies, self._proxies = self._proxies, {}
        for comm_id, proxy in proxies.items():
            if self._manager.comms.get(comm_id) is proxy:
                del self._manager.comms[comm_id]

    def closed_by_front_end(self, proxy: ProxyComm) -> None:
        """Forget a comm that the front end closed; the manager has done so already."""
        with self._lock:
            self._proxies.pop(proxy.comm_id, None)


class ProxyComm:
    """The local kernel's end of a remote comm, as far as a comm manager looks at it.

    No `comm.BaseComm`: ipykernel 6 has no such package, and ipykernel 7 sends
    messages for one to the shell that opened it, the busy main one, where a
    stop button would be heard only after the cell.
    """

    def __init__(self, relay: CommRelay, comm_id: str, target_name: str) -> None:
        self.comm_id = comm_id
        self.target_name = target_name
        self.model = WidgetModel()
        self.gone = False
        self.kernel: Any = None
        self._relay = relay
        self._closed = False

    def handle_msg(self, msg: dict[str, Any]) -> None:
        """Take a message of the front end; called by the comm manager, may wait 2 s."""
        self._relay.from_front_end(self, "comm_msg", msg)

    def handle_close(self, msg: dict[str, Any]) -> None:
        """Take the front end's closing; called by the comm manager."""
        self._relay.closed_by_front_end(self)
        self._relay.from_front_end(self, "comm_close", msg)


def _outputs(capture: Capture) -> dict[str, Any]:
    return {"method": "update", "state": {"outputs": capture.outputs}, "buffer_paths": []}


def _plain(header: dict[str, Any]) -> dict[str, Any]:
    """Return a header that JSON can carry, without what concerns the local kernel alone."""
    return {k: str(v) for k, v in header.items() if v is not None and k != "subshell_id"}
