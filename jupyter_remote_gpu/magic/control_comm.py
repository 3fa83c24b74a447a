"""A page that was reloaded asks for all widgets: local and remote ones answer together.

The page opens a comm to the target `jupyter.widget.control` and sends
`request_states`; ipywidgets answers with its own widgets in one
`update_states`. Remote widgets are added to that very answer, so the handler
that was there stays in charge of the local ones, whatever its version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .widget_state import WidgetModel, split

TARGET = "jupyter.widget.control"

Models = Callable[[], Iterable[tuple[str, WidgetModel]]]


class ControlTarget:
    """Stands at the control target of a comm manager, before the handler that was there.

    `models` gives the remote widgets by their comm ids; called in the thread
    that serves the page's request, which may be another than the main one.
    """

    def __init__(self, manager: Any, models: Models) -> None:
        self._manager = manager
        self._models = models
        self._before: Any = None

    def install(self) -> None:
        """Take the target over; repeated, it does so again only if another took it since."""
        found = self._manager.targets.get(TARGET)
        if found is not self:
            self._before = found
            self._manager.register_target(TARGET, self)

    def remove(self) -> None:
        """Give the target back to the handler that was there."""
        if self._manager.targets.get(TARGET) is not self:
            return
        if self._before is None:
            self._manager.targets.pop(TARGET)
        else:
            self._manager.register_target(TARGET, self._before)

    def __call__(self, comm: Any, msg: dict[str, Any]) -> None:
        """Serve a page that opened the control comm; called by the comm manager."""
        joint = _JointComm(comm, self._models)
        if self._before is not None:
            self._before(joint, msg)
        else:
            comm.on_msg(joint.answer_alone)


class _JointComm:
    """The control comm as the earlier handler sees it; adds remote widgets to what it sends."""

    def __init__(self, comm: Any, models: Models) -> None:
        self._comm = comm
        self._models = models

    def __getattr__(self, name: str) -> Any:
        return getattr(self._comm, name)

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        """Send as a comm does; an `update_states` gets the remote widgets too."""
        if isinstance(data, dict) and data.get("method") == "update_states":
            states, paths, blobs = split(self._remote())
            data = {
                **data,
                "states": {**data.get("states", {}), **states},
                "buffer_paths": [*data.get("buffer_paths", ()), *paths],
            }
            buffers = [*(buffers or ()), *blobs]
        self._comm.send(data, metadata, buffers)

    def answer_alone(self, msg: dict[str, Any]) -> None:
        """Answer the page where no ipywidgets is loaded on this side."""
        if msg["content"]["data"].get("method") == "request_states":
            self.send({"method": "update_states", "states": {}, "buffer_paths": []})

    def _remote(self) -> dict[str, Any]:
        return {comm: model.described() for comm, model in self._models() if model.is_model}
