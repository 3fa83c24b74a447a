"""Row `journal`: what writing the journal adds to a cell.

Two remote kernels without an agent, alike but that one's writer appends
nowhere; each cell is timed from its request to the kernel's word that its end
was dealt with.
"""

from __future__ import annotations

import itertools
import json
import shutil
import socket
import subprocess
import sys
import time
from functools import partial
from typing import Any

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.state.hub import Hub

from . import place
from .figures import DIFFERENCE, Comparison, Scale, Target, in_turn
from .kernel import CellFailedError
from .place import Place

ROUNDS = 10
TARGET = Target(DIFFERENCE, 0.0005)
CELLS = {"no-op": "pass", "100 printed lines": "for i in range(100):\n    print(i)"}
BELL_SECONDS = 60.0
START_SECONDS = 60.0


def measure(scale: Scale) -> list[Comparison]:
    """Compare the same cells with the journal on and off."""
    with place.opened() as here:
        kernels = {mode: _Kernel(here, mode) for mode in ("on", "off")}
        try:
            return [_compare(what, code, kernels, scale) for what, code in CELLS.items()]
        finally:
            for kernel in kernels.values():
                kernel.close()


def _compare(what: str, code: str, kernels: dict[str, _Kernel], scale: Scale) -> Comparison:
    # Cell by cell in turn: the difference is far smaller than what other work does to a burst.
    count = scale.cells * (scale.rounds or ROUNDS)
    takers = {mode: partial(kernel.run, code) for mode, kernel in kernels.items()}
    taken = in_turn(count, takers)
    return Comparison(f"{what} cell", taken["on"], "journal off", taken["off"], TARGET)


class _Kernel:
    """Starts a kernel and listens to its bell, as the agent does."""

    def __init__(self, here: Place, mode: str) -> None:
        self._folder = here.folder.parent / f"kernel-{mode}"
        self._folder.mkdir()
        self._numbers = itertools.count(1)
        self._home = Hub({}).join()
        connection_file = str(self._folder / "connection.json")
        _, found = write_connection_file(
            connection_file, transport="ipc", ip=str(self._folder / "z")
        )
        bell = self._folder / "bell"
        self._bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._bell.bind(str(bell))
        self._bell.settimeout(BELL_SECONDS)
        paths = (connection_file, self._folder / "journal", self._folder / "line", bell)
        self._log = open(self._folder / "log", "wb")  # noqa: SIM115  (closed with the kernel)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.journal_kernel", mode, mode, *map(str, paths)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            cwd=here.folder,
            env=here.environ(here.home()),
        )
        self._session = Session(key=str(found["key"]).encode())
        self._shell: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._shell.connect(f"ipc://{found['ip']}-{found['shell_port']}")
        self._await_start()

    def run(self, code: str) -> float:
        """Run a cell; return the seconds until its end was dealt with."""
        departure = self._home.depart(code)
        fields, blobs = departure.begin.pack()
        number = next(self._numbers)
        run = messages.Run(
            request=number,
            kernel="",
            run=f"run-{number}",
            source=code,
            count=number,
            parent={},
            stdin=False,
            state=fields,
            blobs=tuple(blobs),
        )
        parts = self._session.serialize(self._session.msg("remote_gpu_run", {}))
        data = b"".join(run.encode())
        started = time.perf_counter()
        self._shell.send_multipart([*parts, data])
        while self._rung().get("ended", 0) < number:
            continue
        taken = time.perf_counter() - started
        self._home.commit(departure)
        return taken

    def close(self) -> None:
        """End the kernel."""
        self._process.kill()
        self._process.wait()
        self._shell.close(linger=0)
        self._bell.close()
        self._log.close()
        shutil.rmtree(self._folder)

    def _rung(self) -> dict[str, Any]:
        """Wait for the next bell; CellFailedError with the kernel's log if there is none."""
        try:
            note: dict[str, Any] = json.loads(self._bell.recv(4096))
        except TimeoutError:
            text = (self._folder / "log").read_text()
            raise CellFailedError(f"the kernel said nothing more: {text}") from None
        return note

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (self._folder / "line").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CellFailedError((self._folder / "log").read_text())
            time.sleep(0.01)
