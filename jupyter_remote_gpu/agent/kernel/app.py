"""The kernel's application: an `IPKernelApp` with the journal in place of a PUB socket."""

from __future__ import annotations

import logging
import os
import platform
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ipykernel.displayhook import ZMQDisplayHook
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session
from traitlets import default

from .capture import DescriptorCapture
from .datasets import DatasetNames
from .hub_push import HubPush
from .interrupts import InterruptGuard
from .kernel import RemoteKernel
from .line import LineServer
from .parents import Parents
from .publishing import JournalSession, JournalSocket
from .streams import JournalStream
from .writer import JournalWriter


@dataclass(frozen=True, slots=True)
class KernelPlace:
    """Where a kernel keeps its things: its id, folders and sockets."""

    kernel: str
    connection_file: Path
    journal: Path
    line: Path
    bell: Path


class NoShellThread:
    """Stands where ipykernel keeps its thread for the shell channel, and says there is none."""

    def __init__(self) -> None:
        self.parent_thread = threading.current_thread()
        """The one that requests are carried out in."""

    def __bool__(self) -> bool:
        """Tell ipykernel to read the channel in its main thread."""
        return False


class RemoteKernelApp(IPKernelApp):
    """Set `place` before `initialize`; everything else is an ordinary kernel."""

    place: KernelPlace
    kernel_class = RemoteKernel
    quiet = True
    own_log: TextIO = sys.stderr

    @default("session")
    def _journal_session(self) -> Session:
        return JournalSession(parent=self, config=self.config)

    def init_control(self, context: Any) -> None:
        """Make the control channel; requests of the shell channel come to the main thread."""
        super().init_control(context)
        # ipykernel 7 reads them in a thread that hands each one on: for subshells, which
        # nobody can reach here, and at two changes of thread and a parse for every cell.
        thread = getattr(self, "shell_channel_thread", None)
        if thread is not None:
            thread.io_loop.close()
            self.shell_channel_thread = NoShellThread()

    def init_iopub(self, context: Any) -> None:
        """Make the usual thread and socket, then lead all publishing into the journal."""
        super().init_iopub(context)
        self.parents = Parents()
        self.guard = InterruptGuard()
        self.writer = JournalWriter(
            self.place.journal, str(self.place.bell), self.place.kernel, self.guard
        )
        self.capture = DescriptorCapture(self.writer, self.parents)
        self.iopub_socket = JournalSocket(self.writer, self.parents)

    def init_io(self) -> None:
        """Put the log and the display hook in place; `start` takes over the streams."""
        # The agent gave descriptor 2 as the kernel's log; it stays one under another number.
        self.own_log = log = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8")
        for handler in self.log.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(log)
        # What the handlers drop need not be put into words first, several times a cell.
        self.log.setLevel(self.log_level)
        self.displayhook = ZMQDisplayHook(self.session, self.iopub_socket)
        sys.displayhook = self.displayhook
        self.patch_io()

    def log_connection_info(self) -> None:
        """Say nothing: nobody reads this terminal."""

    def init_kernel(self) -> None:
        """Give the kernel its journal before it is made."""
        RemoteKernel.writer = self.writer
        RemoteKernel.parents = self.parents
        RemoteKernel.guard = self.guard
        RemoteKernel.capture = self.capture
        super().init_kernel()

    def start(self) -> None:
        """Open the state line, journal that the kernel is up, and serve for good."""
        kernel = self.kernel
        self.line = LineServer(self.place.line, kernel.remote_state, self.log)
        facts = {"implementation": platform.python_implementation(), "prefix": sys.prefix}
        fields = {
            "pid": os.getpid(),
            "python": platform.python_version(),
            "executable": sys.executable,
            "facts": facts,
        }
        base = base_of_journal(self.place.journal)
        kernel.datasets = DatasetNames(base, kernel.ask_for_dataset)
        kernel.datasets.install()
        HubPush(kernel.ask_to_publish).install()
        self._take_streams()
        self.writer.append("kernel_started", fields, self.parents.current())
        self.writer.flush()
        super().start()

    def _take_streams(self) -> None:
        """Lead the standard streams and descriptors 1 and 2 into the journal.

        Only when all is loaded: what libraries say meanwhile belongs in the log.
        """
        self.capture.begin()
        parts = (self.writer, self.parents, self.capture.settle)
        sys.stdout = JournalStream("stdout", 1, *parts)
        sys.stderr = JournalStream("stderr", 2, *parts)


def base_of_journal(journal: Path) -> Path:
    """Return the folder that all of ours on the machine lies in (`agent.workspaces.base_of`)."""
    home = journal.parents[2]
    return home.parent if home.name == "home" else home


def serve(place: KernelPlace) -> None:
    """Run a kernel at `place` until it is told to end; called by `launch`."""
    config_args = [
        "-f",
        str(place.connection_file),
        # An SQLite file per kernel on a machine nobody logs in to is of no use.
        "--HistoryManager.enabled=False",
    ]
    app: Any = RemoteKernelApp.instance()
    app.place = place
    try:
        app.initialize(config_args)
        app.start()
    except Exception:
        # Descriptor 2 may be captured already; the agent reads the log.
        traceback.print_exc(file=app.own_log)
        raise
