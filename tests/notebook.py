"""A notebook for tests: a real ipykernel, driven over ZMQ as a front end drives it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.hard_machine import HardMachine

CELL_SECONDS = 60.0
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Shown:
    """What one cell showed: its IOPub messages in order, without status."""

    status: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def kinds(self) -> list[str]:
        """The message types, adjoining equal ones once, our own line left out."""
        kinds: list[str] = []
        for message in self.messages:
            if not is_line(message) and kinds[-1:] != [message["msg_type"]]:
                kinds.append(message["msg_type"])
        return kinds

    def text(self, name: str = "stdout") -> str:
        """All text of one stream."""
        parts = (m["content"] for m in self.messages if m["msg_type"] == "stream")
        return "".join(part["text"] for part in parts if part["name"] == name)

    def displays(self) -> list[dict[str, Any]]:
        """The data of displays, updates and results, our own line left out."""
        kinds = ("display_data", "update_display_data", "execute_result")
        return [
            m["content"]["data"] for m in self.messages if m["msg_type"] in kinds and not is_line(m)
        ]

    def line(self) -> str:
        """Our own line about what moved, or nothing."""
        return "\n".join(m["content"]["data"]["text/plain"] for m in self.messages if is_line(m))

    def error(self) -> str:
        """The traceback the user sees, without colours; empty if there was none."""
        found = [m["content"] for m in self.messages if m["msg_type"] == "error"]
        return _ANSI.sub("", "\n".join("\n".join(c["traceback"]) for c in found))

    def ename(self) -> str:
        """The class name of the last error."""
        names = [m["content"]["ename"] for m in self.messages if m["msg_type"] == "error"]
        return str(names[-1]) if names else ""


def is_line(message: dict[str, Any]) -> bool:
    """Whether a message is the extension's own line."""
    return "remote_gpu" in message["content"].get("metadata", {})


class Notebook:
    """A kernel with the extension loaded.

    `home` is where the embedded machine's agent keeps things, `folder` the
    notebook's own folder, `machine` says of a machine in the hard mode. With
    `first` another cell runs first: "pass" makes a kernel that has never heard of us.
    One that is not `trusted` is treated as a rented machine. `environ` is added to
    the environment.
    """

    def __init__(
        self,
        home: Path,
        folder: Path,
        machine: HardMachine | None = None,
        first: str = "%load_ext jupyter_remote_gpu",
        *,
        trusted: bool = True,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.home = home
        self.trusted = trusted
        self.hard = machine is not None
        self.machine_folder = folder if machine is None else machine.folder
        root = str(Path(__file__).resolve().parents[1])
        env = {
            **os.environ,
            "PYTHONPATH": root,
            "JUPYTER_REMOTE_GPU_HOME": str(home),
            "JPY_SESSION_NAME": str(folder / "notebook.ipynb"),
            "IPYTHONDIR": str(folder / ".ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **({} if machine is None else machine.environ),
            **({} if trusted else {"JUPYTER_REMOTE_GPU_TRUSTED": "0"}),
            **(environ or {}),
        }
        env.pop("JPY_PARENT_PID", None)
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=env, cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=CELL_SECONDS)
        self.run(first)

    def run(
        self,
        code: str,
        *,
        answer: str = "",
        on_message: Callable[[dict[str, Any]], None] | None = None,
        timeout: float = CELL_SECONDS,
    ) -> Shown:
        """Run a cell to its end; `answer` is typed at every prompt."""
        shown = Shown("")

        def note(message: dict[str, Any]) -> None:
            if message["msg_type"] not in ("status", "execute_input"):
                shown.messages.append(message)
            if on_message is not None:
                on_message(message)

        reply = self.client.execute_interactive(
            code,
            output_hook=note,
            stdin_hook=lambda message: self.client.input(answer),
            allow_stdin=True,
            # Older kernels drop what is sent within moments of an error.
            stop_on_error=False,
            timeout=timeout,
        )
        shown.status = reply["content"]["status"]
        return shown

    def remote(self, code: str, **options: Any) -> Shown:
        """Run a remote cell."""
        return self.run(f"%%remote_gpu\n{code}", **options)

    def interrupt_at(self, text: str) -> Callable[[dict[str, Any]], None]:
        """Return a hook that presses stop, once, when a cell has printed `text`."""
        pressed: list[bool] = []

        def hook(message: dict[str, Any]) -> None:
            if not pressed and text in str(message["content"].get("text", "")):
                pressed.append(True)
                self.manager.interrupt_kernel()

        return hook

    def kill(self) -> None:
        """End the notebook's kernel at once, as a crash of the computer would."""
        # The manager presses stop before it kills, and the stop might reach the remote cell.
        provisioner: Any = self.manager.provisioner
        provisioner.process.kill()
        self.manager.shutdown_kernel(now=True)
        self.client.stop_channels()

    def close(self) -> None:
        """End the notebook as Jupyter does; again, or after `kill`, nothing happens."""
        if not self.manager.has_kernel:
            return
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        deadline = time.monotonic() + 5
        while self.manager.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
