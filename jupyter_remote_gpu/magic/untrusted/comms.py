"""Widgets of a machine that is not trusted: only its own, only of the core modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.protocol.bounded_json import within
from jupyter_remote_gpu.protocol.events import Event

from . import models
from .bundle import Bundles
from .permission import PagePermission
from .remarks import Remarks

TARGET = "jupyter.widget"
MOST_OPEN = 10_000
MOST_BYTES = 256 << 20
"""How much the states of one machine's widgets may take here, buffers included."""
MAX_DEPTH = 40
MAX_VALUES = 500_000
MOST_STEPS = 20
_STATE_METHODS = ("update", "echo_update")


@dataclass(slots=True)
class _Widget:
    """One open widget of the machine: its class, and the bytes that each trait takes."""

    model: str
    bytes: dict[str, int] = field(default_factory=dict)


class Comms:
    """Knows the comms that one machine has opened, and looks at all it says on them.

    `taken` tells whether a comm of that id is somebody's here already; `knows`
    whether a message id is one that the machine was given. Used by one thread
    at a time, which never waits.
    """

    def __init__(
        self,
        prefix: str,
        remarks: Remarks,
        permission: PagePermission,
        taken: Callable[[str], bool],
        knows: Callable[[str], bool],
    ) -> None:
        self._remarks = remarks
        self._permission = permission
        self._taken = taken
        self._open: dict[str, _Widget] = {}
        self._bytes = 0
        self.bundles = Bundles(prefix, remarks, permission, self.owns)
        self._states = models.States(self.bundles, prefix, self.owns, knows)

    def owns(self, comm_id: str) -> bool:
        """Whether the machine has opened this comm, and it was let in."""
        return comm_id in self._open

    def look(self, event: Event) -> dict[str, Any] | None:
        """Return the fields under which a comm event may pass; None leaves it out."""
        content = event.fields["content"]
        comm_id = content["comm_id"]
        if event.kind == "comm_open":
            return self._opened(comm_id, content, event.buffers)
        widget = self._open.get(comm_id)
        if widget is None:
            self._remarks.note("foreign", "messages to widgets that are not its own were left out")
            return None
        if event.kind == "comm_close":
            self._forget(comm_id)
            return _fields(comm_id, {})
        return self._said(comm_id, widget, content, event.buffers)

    def _opened(
        self, comm_id: str, content: dict[str, Any], buffers: tuple[bytes, ...]
    ) -> dict[str, Any] | None:
        data = content.get("data")
        state = data.get("state") if isinstance(data, dict) else None
        if content.get("target_name") != TARGET or data is None or not isinstance(state, dict):
            self._remarks.note("target", "comms other than widgets were left out")
            return None
        if comm_id in self._open or self._taken(comm_id) or len(self._open) >= MOST_OPEN:
            self._remarks.note("taken", "widgets under ids that are in use were left out")
            return None
        if not models.is_core(state) and not self._permission.allowed:
            module = models.module_of(state) or "no known class"
            self._remarks.note(
                f"module {module}",
                f"its widgets of {module!r:.100} bring code of their own and were left out;"
                " `%remote_gpu allow-scripts` lets them in when the cell is run again",
            )
            return None
        widget = _Widget(str(state.get("_model_name", ""))[:100])
        self._open[comm_id] = widget
        cleaned = self._state(comm_id, widget, data, buffers)
        if cleaned is None:
            del self._open[comm_id]
            return None
        metadata = {"version": "2.1.0"}
        return _fields(comm_id, cleaned, target_name=TARGET) | {"metadata": metadata}

    def _said(
        self,
        comm_id: str,
        widget: _Widget,
        content: dict[str, Any],
        buffers: tuple[bytes, ...],
    ) -> dict[str, Any] | None:
        data = content.get("data")
        if isinstance(data, dict) and within(data, MAX_DEPTH, MAX_VALUES):
            method = data.get("method")
            if method in _STATE_METHODS and isinstance(data.get("state"), dict):
                cleaned = self._state(comm_id, widget, data, buffers)
                return None if cleaned is None else _fields(comm_id, {"method": method, **cleaned})
            if method == "custom":
                return _fields(comm_id, {"method": method, "content": data.get("content")})
        self._remarks.note("method", "widget messages of unknown kinds were left out")
        return None

    def _state(
        self, comm_id: str, widget: _Widget, data: dict[str, Any], buffers: tuple[bytes, ...]
    ) -> dict[str, Any] | None:
        """Return the cleaned state and the paths of its buffers; None if it is too much."""
        state, paths = data["state"], data.get("buffer_paths") or []
        deepest = MOST_STEPS if self._permission.allowed else 1
        whole = within(state, MAX_DEPTH, MAX_VALUES)
        if not whole or not _leads(state, paths, len(buffers), deepest):
            self._remarks.note("state", "widgets whose state is damaged or too deep were left out")
            return None
        sizes = {str(key)[:200]: _size(value) for key, value in state.items()}
        for path, buffer in zip(paths, buffers, strict=True):
            sizes[str(path[0])[:200]] = sizes.get(str(path[0])[:200], 0) + len(buffer)
        grown = sum(sizes.values()) - sum(widget.bytes.get(key, 0) for key in sizes)
        if self._bytes + grown > MOST_BYTES:
            self._remarks.note("bytes", "widgets that hold more than 256 MB together were left out")
            return None
        self._bytes += grown
        widget.bytes.update(sizes)
        if not self._permission.allowed:
            # Of the core widgets, those with bytes have them as a whole trait: a picture, a sound.
            bare = {path[0] for path in paths}
            state = {key: value for key, value in state.items() if key not in bare}
            state = {**self._states.clean(widget.model, state), **dict.fromkeys(bare)}
        return {"state": state, "buffer_paths": paths}

    def _forget(self, comm_id: str) -> None:
        self._bytes -= sum(self._open.pop(comm_id).bytes.values())


def _fields(comm_id: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"content": {"comm_id": comm_id, "data": data, **more}, "metadata": {}}


def _leads(state: dict[str, Any], paths: Any, count: int, deepest: int) -> bool:
    """Whether each buffer's path leads to a place in the state, at most `deepest` steps down."""
    if not isinstance(paths, list) or len(paths) != count:
        return False
    for path in paths:
        if not isinstance(path, list) or not 0 < len(path) <= deepest:
            return False
        at: Any = state
        for step in path[:-1]:
            if not _inside(at, step):
                return False
            at = at[step]
        last = path[-1]
        if not _inside(at, last) and not (isinstance(at, dict) and isinstance(last, str)):
            return False
    return True


def _inside(container: Any, step: Any) -> bool:
    if isinstance(container, dict):
        return isinstance(step, str) and step in container
    return isinstance(container, list) and type(step) is int and 0 <= step < len(container)


def _size(value: Any) -> int:
    """Return about how many bytes a JSON value takes."""
    if isinstance(value, str):
        return len(value) + 50
    if isinstance(value, dict):
        return sum(len(k) + _size(v) for k, v in value.items()) + 100
    if isinstance(value, list):
        return sum(map(_size, value)) + 60
    return 30
