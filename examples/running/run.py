"""Running a notebook from top to bottom without a browser, in a fresh kernel of this Python."""

from __future__ import annotations

import importlib.util
import os
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from .cells import Cell, code_cells

CELL_TIMEOUT_SECONDS = 900
START_TIMEOUT_SECONDS = 120
LONGEST_SOCKET_FOLDER = 80
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
EXAMPLES = Path(__file__).parents[1]


class NotebookFailedError(Exception):
    """A notebook did not run to its end; the message says which cell, why, and what to do.

    `notebook` holds what was executed until then, with its outputs.
    """

    def __init__(self, message: str, notebook: NotebookNode) -> None:
        super().__init__(message)
        self.notebook = notebook


class Follower(Protocol):
    """Whoever wants to see a run while it happens; called from the running thread, in order."""

    def cell_started(self, cell: Cell) -> None:
        """Note that `cell` begins."""

    def cell_wrote(self, cell: Cell, stream: str, text: str) -> None:
        """Take a piece of text, in no particular portion, that `cell` wrote to `stream`."""

    def cell_ended(self, cell: Cell, seconds: float) -> None:
        """Note that `cell` came to its end without an error after `seconds`."""


class Unfollowed:
    """A follower that shows nothing."""

    def cell_started(self, cell: Cell) -> None:
        """Show nothing."""

    def cell_wrote(self, cell: Cell, stream: str, text: str) -> None:
        """Show nothing."""

    def cell_ended(self, cell: Cell, seconds: float) -> None:
        """Show nothing."""


def run(
    notebook: NotebookNode,
    *,
    folder: Path,
    follower: Follower | None = None,
    settings: Mapping[str, str] | None = None,
) -> None:
    """Execute `notebook` in `folder`, its outputs replaced in place; blocks until it is over.

    The kernel is a fresh one of this very Python, without the user's IPython profile, and sees
    `settings` as environment variables. Raises NotebookFailedError where a cell raises, takes
    longer than CELL_TIMEOUT_SECONDS, or takes its kernel with it.
    """
    cells = {id(node): cell for cell, node in code_cells(notebook)}
    for node in notebook.cells:
        if node.cell_type == "code":
            node.outputs, node.execution_count = [], None
    with tempfile.TemporaryDirectory(prefix="example-") as profile:
        client = _Client(notebook, cells, follower or Unfollowed(), folder, Path(profile))
        environment = {**os.environ, **_same_package(), "IPYTHONDIR": profile, **(settings or {})}
        try:
            client.execute(env=environment)
        except CellExecutionError as error:
            raise NotebookFailedError(
                f"{client.where()} raised an error.\n{_COLOUR.sub('', error.traceback.rstrip())}",
                notebook,
            ) from error
        except CellTimeoutError as error:
            raise NotebookFailedError(
                f"{client.where()} did not end within {CELL_TIMEOUT_SECONDS} s and was stopped.",
                notebook,
            ) from error
        except (DeadKernelError, RuntimeError) as error:
            raise NotebookFailedError(
                f"The notebook's own Python ended or did not start, at: {client.where()}.\n"
                f"{error}\nOften the memory was used up: close other programs and try again.",
                notebook,
            ) from error


def _same_package() -> dict[str, str]:
    """Return what makes the kernel import the package that this process would import.

    A command called in the checkout finds the checkout's package; a kernel starts elsewhere.
    """
    spec = importlib.util.find_spec("jupyter_remote_gpu")
    checkout = EXAMPLES.parent
    if spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(checkout):
        return {}
    if "site-packages" in Path(spec.origin).parts:
        return {}
    known = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": str(checkout) + (os.pathsep + known if known else "")}


class _Client(NotebookClient):
    """nbclient's client that tells a follower what happens while it happens."""

    def __init__(
        self,
        notebook: NotebookNode,
        cells: dict[int, Cell],
        follower: Follower,
        folder: Path,
        profile: Path,
    ) -> None:
        # An empty list of folders leaves one kernel to choose: that of the running Python.
        # Over files, since nobody else can listen there; their paths must be short.
        over_files = os.name == "posix" and len(str(profile)) < LONGEST_SOCKET_FOLDER
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=str(profile / "kernel.json"),
            transport="ipc" if over_files else "tcp",
        )
        super().__init__(
            notebook,
            manager,
            timeout=CELL_TIMEOUT_SECONDS,
            startup_timeout=START_TIMEOUT_SECONDS,
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": str(folder)}},
            on_cell_execute=self._started,
            on_cell_executed=self._executed,
        )
        self.owns_km = True  # it was made for this run alone: shut it down at the end
        self._cells = cells
        self._follower = follower
        self._cell: Cell | None = None
        self._start_seconds = 0.0

    def where(self) -> str:
        """Return the cell that was running last, in words."""
        return "before the first cell" if self._cell is None else f"cell {self._cell}"

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Pass a stream's text on to the follower, then let nbclient store it."""
        if msg["msg_type"] == "stream":
            content = msg["content"]
            self._follower.cell_wrote(self._cells[id(cell)], content["name"], content["text"])
        return super().process_message(msg, cell, cell_index)

    def _started(self, cell: NotebookNode, cell_index: int) -> None:
        self._cell = self._cells[id(cell)]
        self._start_seconds = time.monotonic()
        self._follower.cell_started(self._cell)

    def _executed(self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        if execute_reply["content"]["status"] == "ok":
            seconds = time.monotonic() - self._start_seconds
            self._follower.cell_ended(self._cells[id(cell)], seconds)
