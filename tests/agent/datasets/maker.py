"""Datasets made in this process from what a test's server has, and archives to make them of."""

from __future__ import annotations

import io
import random
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

from jupyter_remote_gpu.agent.datasets.desk import LinkDesk
from jupyter_remote_gpu.agent.datasets.job import Job, Link, Wanted
from jupyter_remote_gpu.agent.datasets.making import Making
from jupyter_remote_gpu.agent.datasets.shelf import Record, Shelf
from jupyter_remote_gpu.protocol.steps import Step
from tests.agent.datasets.serving import Server

MEGABYTE = 1 << 20
SEGMENT = 1 << 18


class Maker:
    """Makes datasets below a folder from what a server has; signs links when it is asked to."""

    def __init__(self, base: Path, server: Server) -> None:
        self.base = base
        self.server = server
        self.steps: list[Step] = []
        self.stop = threading.Event()
        self.sign: Callable[[str], Link] = server.link
        self.asked: list[str] = []
        self.patience = 5.0

    def make(self, *files: Wanted, workers: int = 4) -> Record:
        """Make the dataset `d` of some files, which the server has by the same paths."""
        job = Job(self.base, "d", "kaggle://o/d@1", "d", files, workers, self.patience, 5.0)

        def ask(wanted: object, why: str) -> None:
            assert isinstance(wanted, list)
            self.asked.append(why)
            desk.give({index: self.sign(files[index].path) for index in wanted})

        desk = LinkDesk(ask, len(files), 5.0)
        return Making(job, desk, self.steps.append, self.stop).run()

    def found(self) -> dict[str, bytes]:
        """Return the dataset's files."""
        root = Shelf(self.base).files("d")
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def tarred(files: dict[str, bytes], mode: str, *more: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in more:
            archive.addfile(info)
    return made.getvalue()
