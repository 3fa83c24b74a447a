"""A front end without a page: a real local ipykernel, spoken to over ZMQ as a page does."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from jupyter_client.manager import KernelManager

WAIT_SECONDS = 30.0

Message = dict[str, Any]


@dataclass
class Model:
    """What the page knows of one widget: its state, buffers in place, and its comm."""

    comm: str
    state: dict[str, Any] = field(default_factory=dict)
    closed: bool = False

    def take(self, data: Message, buffers: list[bytes]) -> None:
        """Merge an update as the page does."""
        self.state.update(data.get("state", {}))
        for path, buffer in zip(data.get("buffer_paths", ()), buffers, strict=True):
            at: Any = self.state
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = buffer


class Page:
    """Runs cells and holds widget models; what the kernel says is kept in order."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client: Any = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT_SECONDS)
        self.heard: list[Message] = []
        self.models: dict[str, Model] = {}

    # -- asking ---------------------------------------------------------------------------------

    def start(self, source: str) -> str:
        """Send a cell off; return its message id."""
        msg_id: str = self.client.execute(dedent(source).strip(), allow_stdin=False)
        return msg_id

    def run(self, source: str) -> list[Message]:
        """Run a cell to its end; return the messages that answer it. Fails if the cell did."""
        found = self.finish(self.start(source))
        errors = [m["content"] for m in found if m["msg_type"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        return found

    def finish(self, msg_id: str) -> list[Message]:
        """Wait for a message to be worked off; return the messages that answer it."""
        self.until(lambda: any(_is_idle(m) for m in self.answers(msg_id)), f"idle of {msg_id}")
        return self.answers(msg_id)

    def tell(
        self,
        model: Model,
        data: Message,
        buffers: list[bytes] | None = None,
        subshell: str | None = None,
    ) -> str:
        """Send a message to a widget, as the page does when it is touched."""
        msg = self.client.session.msg("comm_msg", {"comm_id": model.comm, "data": data})
        if subshell is not None:
            msg["header"]["subshell_id"] = subshell
        self.client.session.send(self.client.shell_channel.socket, msg, buffers=buffers)
        msg_id: str = msg["header"]["msg_id"]
        return msg_id

    def update(self, model: Model, **state: Any) -> str:
        """Change a widget's state from the page and wait for the kernel's idle."""
        msg_id = self.tell(model, {"method": "update", "state": state, "buffer_paths": []})
        self.finish(msg_id)
        return msg_id

    def press(self, button: Model, subshell: str | None = None) -> str:
        """Press a Button; returns at once."""
        data = {"method": "custom", "content": {"event": "click"}}
        return self.tell(button, data, subshell=subshell)

    def subshell(self) -> str | None:
        """Make a subshell, as a page does to be heard while a cell runs; None if there is none."""
        features = self.client.session.msg("kernel_info_request")
        self.client.session.send(self.client.shell_channel.socket, features)
        info = self.client.get_shell_msg(timeout=WAIT_SECONDS)
        while info["parent_header"].get("msg_id") != features["header"]["msg_id"]:
            info = self.client.get_shell_msg(timeout=WAIT_SECONDS)
        if "kernel subshells" not in info["content"].get("supported_features", ()):
            return None
        request = self.client.session.msg("create_subshell_request", {})
        self.client.session.send(self.client.control_channel.socket, request)
        made = self.client.get_control_msg(timeout=WAIT_SECONDS)
        found: str = made["content"]["subshell_id"]
        return found

    def request_states(self) -> Message:
        """Ask for all widgets, as a page does after a reload; return the answer's data."""
        comm = f"control-{time.monotonic_ns()}"
        session, socket = self.client.session, self.client.shell_channel.socket
        opening = {"comm_id": comm, "target_name": "jupyter.widget.control", "data": {}}
        session.send(socket, "comm_open", opening, metadata={"version": "1.0.0"})
        self.tell(Model(comm), {"method": "request_states"})
        answer = self.until(
            lambda: next((m for m in self.heard if _states(m, comm)), None), "update_states"
        )
        data: Message = answer["content"]["data"]
        _put(data["states"], data["buffer_paths"], answer["buffers"])
        return data

    # -- listening ------------------------------------------------------------------------------

    def until(self, found: Callable[[], Any], what: str) -> Any:
        """Listen until something true is found, and return it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            answer = found()
            if answer:
                return answer
            left = deadline - time.monotonic()
            try:
                self._take(self.client.get_iopub_msg(timeout=max(left, 0.01)))
            except queue.Empty:
                kinds = [(m["msg_type"], m["content"]) for m in self.heard[-8:]]
                raise AssertionError(f"no {what} came; the last messages: {kinds}") from None

    def answers(self, msg_id: str) -> list[Message]:
        """Return what was heard so far in answer to a message."""
        return [m for m in self.heard if m["parent_header"].get("msg_id") == msg_id]

    def model(self, name: str) -> Model:
        """Return the newest model of a class, like `IntSliderModel`, once there is one."""
        found: Model = self.until(lambda: next(self._named(name), None), f"model {name}")
        return found

    def _named(self, name: str) -> Iterator[Model]:
        return (m for m in reversed(self.models.values()) if m.state.get("_model_name") == name)

    def _take(self, message: Message) -> None:
        self.heard.append(message)
        content = message["content"]
        buffers = [bytes(b) for b in message["buffers"]]
        if message["msg_type"] == "comm_open":
            model = self.models[content["comm_id"]] = Model(content["comm_id"])
            model.take(content["data"], buffers)
        elif message["msg_type"] == "comm_close" and content["comm_id"] in self.models:
            self.models[content["comm_id"]].closed = True
        elif message["msg_type"] == "comm_msg" and content["comm_id"] in self.models:
            # Messages of other methods carry no state and change nothing.
            self.models[content["comm_id"]].take(content["data"], buffers)


def texts(messages: list[Message]) -> str:
    """Return what messages printed."""
    return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")


@contextmanager
def local_kernel(environ: dict[str, str]) -> Iterator[Page]:
    """Start a local kernel and speak to it; it is ended at the block's end."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environ)
    page = None
    try:
        page = Page(manager)
        yield page
    finally:
        if page is not None:
            page.client.stop_channels()
        manager.shutdown_kernel(now=True)


def _is_idle(message: Message) -> bool:
    found: object = message["content"].get("execution_state")
    return message["msg_type"] == "status" and found == "idle"


def _states(message: Message, comm: str) -> bool:
    if message["msg_type"] != "comm_msg" or message["content"]["comm_id"] != comm:
        return False
    method: object = message["content"]["data"].get("method")
    return method == "update_states"


def _put(states: Message, paths: list[list[Any]], buffers: list[Any]) -> None:
    for path, buffer in zip(paths, buffers, strict=True):
        at: Any = states
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = bytes(buffer)
