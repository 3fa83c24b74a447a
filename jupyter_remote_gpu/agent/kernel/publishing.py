"""ipykernel's own messages, led into the journal instead of a PUB socket.

ZMQ's PUB/SUB drops messages without a word when the reader is slow; a file
does not. ipykernel publishes everything with `session.send(iopub_socket, …)`,
so a session that knows the journal's stand-in for that socket is enough.
"""

from __future__ import annotations

from typing import Any

from jupyter_client.session import Session

from .parents import Parents
from .writer import JournalWriter

_DROPPED = {"status", "execute_input", "shutdown_reply", "error", "iopub_welcome", "debug_event"}
"""Said by the journal itself (`run_started`, `run_ended`), or of no use there."""


class JournalSocket:
    """Stands where ipykernel keeps its PUB socket; turns messages into events."""

    def __init__(self, writer: JournalWriter, parents: Parents) -> None:
        self._writer = writer
        self._parents = parents

    def publish(self, kind: str, content: dict[str, Any], metadata: Any, buffers: Any) -> None:
        """Append one IOPub message as an event; unknown kinds become a notice."""
        if kind in _DROPPED:
            return
        parent = self._parents.current()
        if kind == "stream":
            self._writer.stream(content["name"], content["text"], parent)
            return
        fields: dict[str, Any]
        if kind in ("display_data", "update_display_data"):
            kind = "display" if kind == "display_data" else "update_display"
            fields = {name: content.get(name, {}) for name in ("data", "metadata", "transient")}
        elif kind == "execute_result":
            kind, fields = "result", {"data": content["data"], "metadata": content["metadata"]}
        elif kind == "clear_output":
            fields = {"wait": bool(content.get("wait"))}
        elif kind in ("comm_open", "comm_msg", "comm_close"):
            fields = {"content": content, "metadata": metadata or {}}
        else:
            kind, fields = "notice", {"text": f"a {kind} message was not passed on"}
        size = sum(len(v) for v in fields.get("data", {}).values() if isinstance(v, str))
        self._writer.append(kind, fields, parent, buffers or (), size + 256)


class JournalSession(Session):
    """A Jupyter session that hands messages for a `JournalSocket` to the journal."""

    def send(
        self, stream: Any, msg_or_type: Any, content: Any = None, *rest: Any, **kw: Any
    ) -> Any:
        """Send as `Session.send` does; the journal's stand-in gets the plain values."""
        if not isinstance(stream, JournalSocket):
            return super().send(stream, msg_or_type, content, *rest, **kw)
        if isinstance(msg_or_type, dict):
            kind = msg_or_type["header"]["msg_type"]
            content = msg_or_type["content"]
            metadata = msg_or_type.get("metadata")
        else:
            kind, metadata = msg_or_type, kw.get("metadata")
        stream.publish(kind, content or {}, metadata, kw.get("buffers"))
        return None
