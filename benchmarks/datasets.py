"""Rows `data-…`: a dataset of Kaggle placed by an agent, and the same by kagglehub.

Kaggle is the emulator of the tests, in a process of its own; both fetch the
same archive from it through the loopback device.
"""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.datasets.credentials.credential import Credential
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.datasets.web import Web
from jupyter_remote_gpu.session.client import AgentClient
from jupyter_remote_gpu.session.datasets import Placement, Where
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.transport.local import LocalTransport
from tests.datasets.emulators.kaggle import TOKEN, Dataset, Kaggle
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage

from .figures import RATIO, Comparison, Scale, Target, in_turn, seconds
from .torch_import import LeftOutError

ROUNDS = 3
LARGE_BYTES, QUICK_LARGE_BYTES = 1 << 30, 64 << 20
LARGE_FILES = 16
MANY_FILES, QUICK_MANY_FILES = 20_000, 200
SMALL_BYTES = 10_000
NAME = "o/d"
_LOOK_SECONDS = 0.02
_RIVAL = f"import kagglehub; kagglehub.dataset_download('{NAME}')"

Files = Mapping[str, bytes]


def measure_large(scale: Scale) -> list[Comparison]:
    """Compare large files in one archive: the time, and what the disk holds at most."""
    size = QUICK_LARGE_BYTES if scale.quick else LARGE_BYTES
    files = {f"{n}.csv": _text(size // LARGE_FILES, str(n)) for n in range(LARGE_FILES)}
    with _fetchers(files) as fetchers:
        times = in_turn(scale.rounds or ROUNDS, {k: v.seconds for k, v in fetchers.items()})
        peaks = {name: [_peak(work)] for name, work in fetchers.items()}
    shown = f"{size >> 20} MiB in {LARGE_FILES} files"
    return [
        Comparison(shown, times["ours"], "kagglehub", times["kagglehub"], Target(RATIO, 1.0)),
        Comparison(
            f"{shown}, peak of the disk",
            peaks["ours"],
            "kagglehub",
            peaks["kagglehub"],
            Target(RATIO, 0.75),
            "B",
        ),
    ]


def measure_many(scale: Scale) -> list[Comparison]:
    """Compare many small files in one archive."""
    count = QUICK_MANY_FILES if scale.quick else MANY_FILES
    text = _text(2 * SMALL_BYTES, "small")
    files = {
        f"train/{n % 100}/{n}.txt": text[n % SMALL_BYTES :][:SMALL_BYTES] for n in range(count)
    }
    with _fetchers(files) as fetchers:
        times = in_turn(scale.rounds or ROUNDS, {k: v.seconds for k, v in fetchers.items()})
    what = f"{count:,} files of {SMALL_BYTES // 1000} kB"
    return [Comparison(what, times["ours"], "kagglehub", times["kagglehub"], Target(RATIO, 0.7))]


def _text(size: int, seed: str) -> bytes:
    """Return text that packs to about half its size, as tables do."""
    return random.Random(seed).randbytes(size // 2).hex().encode()


@dataclass(frozen=True, slots=True)
class _Work:
    """What fetches a dataset into a folder."""

    folder: Path
    fetch: Callable[[], object]

    def seconds(self) -> float:
        """Return how long it takes into an empty folder."""
        self.empty()
        return seconds(self.fetch)

    def empty(self) -> None:
        """Remove what an earlier fetch left."""
        for root, folders, _ in os.walk(self.folder):
            for name in folders:
                os.chmod(os.path.join(root, name), 0o700)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def _fetchers(files: Files) -> Iterator[dict[str, _Work]]:
    """Give what fetches a dataset, by us and by kagglehub; each call begins with nothing."""
    if importlib.util.find_spec("kagglehub") is None:
        raise LeftOutError("kagglehub is not installed: pip install kagglehub")
    base = Path(tempfile.mkdtemp(prefix="rgb-data"))
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(files, there))
    server.start()
    agent = _Ours(base / "ours")
    try:
        url = str(here.recv())
        yield {
            "ours": _Work(agent.base / "datasets", partial(agent.fetch, url)),
            "kagglehub": _Work(base / "hub", partial(_by_kagglehub, base / "hub", url)),
        }
    finally:
        agent.close()
        here.send("end")
        server.join()
        shutil.rmtree(base, ignore_errors=True)


def _serve(files: Files, there: Connection) -> None:
    """Be Kaggle until told to end."""
    storage = Storage()
    kaggle = Kaggle(storage)
    kaggle.datasets[NAME] = Dataset([files])
    with serving(storage), serving(kaggle):
        there.send(kaggle.url)
        there.recv()
    os._exit(0)  # what it inherited is not its own to tidy


class _Ours:
    """An agent, and a client that has it place the dataset."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.base.mkdir()
        self._loop = LoopThread()
        self._client = AgentClient(LocalTransport(base / "home"), "bench", lambda what: None)
        self._loop.run(self._client.machine(), 60, "the agent")

    def fetch(self, url: str) -> None:
        """Resolve, fetch, unpack and link; what was there is removed before, by the caller."""
        calls = KaggleCalls(Web("Kaggle"), url, lambda: Credential("a benchmark", TOKEN))
        source = KaggleSource(calls)
        resolved = source.resolve(parse_reference(f"kaggle://{NAME}"))
        where = Where(workspace="bench", at="data/d")
        placement = Placement(self._client, resolved, source, where)
        self._loop.run(placement.run(lambda step: None), 600, "the data")

    def close(self) -> None:
        """End client and agent."""
        self._loop.loop.call_soon_threadsafe(self._client.close)
        self._loop.close()
        end_machine(self.base / "home")


def _by_kagglehub(folder: Path, url: str) -> None:
    environ = {
        **os.environ,
        "KAGGLEHUB_CACHE": str(folder),
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "KAGGLE_API_TOKEN": TOKEN,
        "HTTP_PROXY": url,
        "NO_PROXY": "",
    }
    command = [sys.executable, "-c", _RIVAL]
    subprocess.run(command, env=environ, check=True, capture_output=True)


def _peak(work: _Work) -> float:
    """Return the most bytes of disk that are taken while something is fetched."""
    work.empty()
    peak = 0
    over = threading.Event()

    def look() -> None:
        nonlocal peak
        while not over.wait(_LOOK_SECONDS):
            peak = max(peak, _taken(work.folder))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        work.fetch()
    finally:
        over.set()
        looking.join()
    return float(peak)


def _taken(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
    return total
