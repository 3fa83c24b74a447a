"""The agent's datasets: one process each that is fetched, whoever and however many ask for it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.agent.workspaces import workspace_folder
from jupyter_remote_gpu.errors import DatasetError, InternalError, LackingError, ProtocolError
from jupyter_remote_gpu.protocol.dataset_messages import GiveLinks, PlaceDataset
from jupyter_remote_gpu.protocol.steps import Step, Told

from .fetching import STOPPED, error_of
from .job import Job, link_of, wanted_of
from .kaggle_input import KAGGLE
from .placing import Placing, Wish
from .shelf import Shelf

REPEAT_SECONDS = 3.0
"""So often links are asked for again: the client may have been away."""
END_SECONDS = 5.0
LONGEST_LINE_BYTES = 1 << 20
_LAUNCH = Path(__file__).resolve().parents[1] / "launch.py"

Wanted = Callable[[list[int], str], None]
"""Called with the files whose links are wanted, and why."""


@dataclass(slots=True, eq=False)
class _Listener:
    told: Told
    wanted: Wanted
    client: str = ""
    left: bool = False


@dataclass(slots=True)
class _Fetch:
    """One dataset that is being fetched, by its own process."""

    job: Job
    task: asyncio.Task[None] | None = None
    process: asyncio.subprocess.Process | None = None
    listeners: list[_Listener] = field(default_factory=list)
    latest: Step | None = None
    missing: dict[int, str] = field(default_factory=dict)
    stopped: bool = False

    def tell(self, step: Step) -> None:
        self.latest = step
        for listener in self.listeners:
            listener.told(step)

    def ask(self) -> None:
        """Ask everybody who listens for the links that are missing."""
        if self.missing:
            why = next(iter(self.missing.values()))
            for listener in self.listeners:
                listener.wanted(sorted(self.missing), why)


class Datasets:
    """All datasets below `base`; lives in the agent's event loop.

    A download belongs to no client: it goes on when whoever asked for it
    leaves, for as long as its links last.
    """

    def __init__(self, base: Path, kaggle: Path = KAGGLE) -> None:
        self._base = base
        self._shelf = Shelf(base)
        self.placing = Placing(base, kaggle)
        self._fetches: dict[str, _Fetch] = {}

    @property
    def busy(self) -> bool:
        """Whether something is being fetched."""
        return bool(self._fetches)

    async def place(
        self, request: PlaceDataset, told: Told, wanted: Wanted, client: str = ""
    ) -> dict[str, Any]:
        """Fetch a dataset unless it is there, and link it; the answer to the request.

        Without its files it is placed only if it is there: else LackingError.
        Raises DatasetError, DiskFullError, UnsafePathError, InTheWayError.
        """
        project = self._project(request)
        record = await asyncio.to_thread(self._shelf.record, request.key)
        if record is None and not request.files:
            raise LackingError(f"the machine does not have {request.name} yet")
        fetched = record is None
        if record is None:
            files = wanted_of(request.files)
            job = Job(self._base, request.key, request.text, request.name, files)
            await self._fetched(job, _Listener(told, wanted, client))
            record = await asyncio.to_thread(self._shelf.record, request.key)
        if record is None:
            raise InternalError(f"{request.name} was fetched and is not there")
        self._shelf.use(request.key)
        path, kaggle, notes = await asyncio.to_thread(self._linked, request, project)
        return {
            "path": str(path),
            "kaggle": kaggle,
            "key": record.key,
            "bytes": record.bytes,
            "files": record.count,
            "checked": list(record.checked),
            "notes": [*record.notes, *notes],
            "fetched": fetched,
        }

    def _linked(self, request: PlaceDataset, project: Path | None) -> tuple[Path, str, list[str]]:
        """Link a dataset that is there; return its path, that at Kaggle, and what is to be said."""
        if project is None or not request.at:
            return self._shelf.files(request.key), "", []
        wish = Wish(
            request.key, request.text, request.asked, request.of, request.version, request.aside
        )
        path, note = self.placing.place(project, request.at, wish)
        notes = [note] if note else []
        if not request.kaggle:
            return path, "", notes
        kaggle, why_not = self.placing.place_for_kaggle(project, request.kaggle, request.key)
        if request.workspace:
            self.placing.kaggle.link_beside(project)
        if why_not:
            at = path.relative_to(project)
            notes.append(f"{why_not}. Here the data of {KAGGLE}/{request.kaggle} are {at}")
        return path, kaggle, notes

    def give(self, request: GiveLinks) -> None:
        """Hand links on to the process that waits for them; nobody may wait any more."""
        fetch = self._fetches.get(request.key)
        if fetch is None or fetch.process is None or fetch.process.stdin is None:
            return
        if request.refused:
            line: dict[str, Any] = {"refused": request.refused}
        else:
            for index, link in request.links.items():
                link_of(link)
                if not index.isdigit():
                    raise ProtocolError("links are given for files that have no number")
                fetch.missing.pop(int(index), None)
            line = {"links": request.links}
        fetch.process.stdin.write(json.dumps(line).encode() + b"\n")

    async def stop(self, key: str, client: str = "") -> bool:
        """End a download, keeping what arrived; False if another client waits for it, or none is.

        `client` waits for it no more.
        """
        fetch = self._fetches.get(key)
        if fetch is None or fetch.task is None:
            return False
        for listener in fetch.listeners:
            listener.left = listener.left or listener.client == client
        if not all(listener.left for listener in fetch.listeners):
            return False
        fetch.stopped = True
        if fetch.process is not None:
            _terminate(fetch.process)
        await asyncio.wait({fetch.task})
        return True

    def listed(self) -> list[dict[str, Any]]:
        """Return all datasets, as `ListDatasets` says. Blocks."""
        return [
            {
                **one,
                "going": one["key"] in self._fetches,
                "at": self.placing.places(one["key"]),
            }
            for one in self._shelf.listed()
        ]

    def remove(self, keys: list[Any]) -> dict[str, Any]:
        """Remove datasets, as `RemoveDatasets` says. Blocks."""
        freed, kept = 0, {}
        there = {one["key"] for one in self._shelf.listed()}
        for key in keys:
            if key not in there:
                kept[str(key)] = "there is nothing of that name"
            elif key in self._fetches:
                kept[key] = "it is being fetched"
            elif self.placing.is_read(key):
                kept[key] = "a process reads from it"
            else:
                self.placing.forget(key)
                freed += self._shelf.remove(key)
        return {"freed": freed, "kept": kept}

    async def close(self) -> None:
        """End downloads that go on; they are kept, and go on when they are asked for again."""
        fetches = list(self._fetches.values())
        for fetch in fetches:
            if fetch.process is not None:
                _terminate(fetch.process)
        tasks = [fetch.task for fetch in fetches if fetch.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=END_SECONDS)
            for task in late:
                task.cancel()

    def _project(self, request: PlaceDataset) -> Path | None:
        if request.workspace:
            return workspace_folder(self._base, request.workspace) / "project"
        return Path(request.folder) if request.folder else None

    async def _fetched(self, job: Job, listener: _Listener) -> None:
        """Wait until a dataset is there, fetching it if nobody does."""
        fetch = self._fetches.get(job.key)
        if fetch is None:
            fetch = self._fetches[job.key] = _Fetch(job)
            fetch.task = asyncio.get_running_loop().create_task(self._fetch(fetch))
            fetch.task.add_done_callback(functools.partial(self._ended, job.key))
        assert fetch.task is not None
        with _listening(fetch, listener):
            # only the wait ends with whoever waits
            await asyncio.wait({fetch.task})
        if fetch.task.cancelled():
            raise DatasetError("the agent ended while the data were fetched")
        fetch.task.result()

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        self._fetches.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever waits is told; there may be nobody

    async def _fetch(self, fetch: _Fetch) -> None:
        process = fetch.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(("-I", "-S") if sys.flags.isolated and sys.flags.no_site else ()),
            str(_LAUNCH),
            "fetch",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE_BYTES,
            cwd="/",
            start_new_session=True,
        )
        if fetch.stopped:
            _terminate(process)  # while it was being started
        assert process.stdin is not None and process.stdout is not None
        asking = asyncio.create_task(_ask_again(fetch))
        last: dict[str, Any] = {}
        try:
            with contextlib.suppress(ConnectionError):  # it ended at once: its words say why
                process.stdin.write(fetch.job.line())
                await process.stdin.drain()
            while line := await process.stdout.readline():
                last = json.loads(line)
                self._heard(fetch, last)
            status = await process.wait()
        finally:
            asking.cancel()
            process.stdin.close()
            if process.returncode is None:
                process.kill()
        # one that was stopped before it could say so ends by the signal
        _check(fetch.job, last, STOPPED if fetch.stopped else status)

    def _heard(self, fetch: _Fetch, said: dict[str, Any]) -> None:
        if "step" in said:
            fetch.tell(Step(**said["step"]))
        elif "wanted" in said:
            fetch.missing.update(dict.fromkeys(said["wanted"], said["why"]))
            fetch.ask()


async def _ask_again(fetch: _Fetch) -> None:
    while True:
        await asyncio.sleep(REPEAT_SECONDS)
        fetch.ask()


def _check(job: Job, last: dict[str, Any], status: int) -> None:
    """Raise what a process that ended has failed with."""
    if "record" in last:
        return
    if "failed" in last:
        raise error_of(last["failed"])
    if status == STOPPED:
        raise DatasetError(
            f"fetching {job.name} was stopped",
            hint="What was fetched is kept: ask for the data again, and it goes on.",
        )
    raise DatasetError(
        f"the process that fetched {job.name} ended, with exit code {status}",
        hint="Was the machine out of memory? Ask for the data again, and it goes on.",
    )


@contextlib.contextmanager
def _listening(fetch: _Fetch, listener: _Listener) -> Iterator[None]:
    if fetch.latest is not None:
        listener.told(fetch.latest)
    fetch.listeners.append(listener)
    if fetch.missing:
        fetch.ask()
    try:
        yield
    finally:
        fetch.listeners.remove(listener)


def _terminate(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
