"""The answer to a reloaded page, with and without an ipywidgets on this side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.magic.control_comm import TARGET, ControlTarget
from jupyter_remote_gpu.magic.widget_state import WidgetModel

REQUEST = {"content": {"data": {"method": "request_states"}}}


class Manager:
    """The part of a comm manager that has to do with targets."""

    def __init__(self) -> None:
        self.targets: dict[str, Any] = {}

    def register_target(self, name: str, target: Any) -> None:
        """Enter a target, as ipykernel does."""
        self.targets[name] = target


class Comm:
    """The kernel's end of the page's control comm."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, Any]] = []
        self.ask: Callable[[dict[str, Any]], None] | None = None

    def on_msg(self, callback: Callable[[dict[str, Any]], None]) -> None:
        """Take who answers."""
        self.ask = callback

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        """Keep what is sent to the page."""
        self.sent.append((data, buffers))


def remote() -> list[tuple[str, WidgetModel]]:
    """Return one remote image."""
    model = WidgetModel()
    named = {"_model_name": "ImageModel", "_model_module": "m", "_model_module_version": "2"}
    model.merge({"state": {**named, "value": b"picture"}}, ())
    return [("there", model), ("nameless", WidgetModel())]


def ask(manager: Manager) -> tuple[Any, Any]:
    """Reload the page; return the data and buffers of the one answer."""
    comm = Comm()
    manager.targets[TARGET](comm, {})
    assert comm.ask is not None
    comm.ask(REQUEST)
    (answer,) = comm.sent
    return answer


def local_widgets(comm: Comm, msg: dict[str, Any]) -> None:
    """Answer as ipywidgets does, with one widget that has bytes of its own."""
    states = {"here": {"model_name": "ImageModel", "state": {}}}
    paths = [["here", "state", "value"]]
    data = {"method": "update_states", "states": states, "buffer_paths": paths}
    comm.on_msg(lambda msg: comm.send(data, buffers=[b"local"]))


def test_remote_widgets_join_the_answer_of_the_handler_that_was_there() -> None:
    manager = Manager()
    manager.register_target(TARGET, local_widgets)
    ControlTarget(manager, remote).install()
    data, buffers = ask(manager)
    assert list(data["states"]) == ["here", "there"]
    assert data["buffer_paths"] == [["here", "state", "value"], ["there", "state", "value"]]
    assert buffers == [b"local", b"picture"]


def test_remote_widgets_answer_alone_without_ipywidgets() -> None:
    manager = Manager()
    ControlTarget(manager, remote).install()
    data, buffers = ask(manager)
    assert data["method"] == "update_states"
    assert list(data["states"]) == ["there"]
    assert buffers == [b"picture"]


def test_the_target_is_given_back_and_taken_again() -> None:
    manager = Manager()
    manager.register_target(TARGET, local_widgets)
    control = ControlTarget(manager, remote)
    control.install()
    control.install()
    control.remove()
    assert manager.targets == {TARGET: local_widgets}
    alone = Manager()
    ours = ControlTarget(alone, remote)
    ours.install()
    ours.remove()
    assert alone.targets == {}
