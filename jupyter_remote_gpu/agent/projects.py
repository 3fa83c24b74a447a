"""The projects of all workspaces: requests about files, carried out off the agent's loop."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from jupyter_remote_gpu.chunks.directory_store import DirectoryStore
from jupyter_remote_gpu.chunks.listing import NAME_BYTES, Listed
from jupyter_remote_gpu.chunks.packs import pack, unpack
from jupyter_remote_gpu.errors import FilesError, InternalError, ProtocolError, RemoteGPUError
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.protocol.frames import Buffer

from .arrivals import Arrivals
from .clients import BLOBS, Result
from .project import ProjectThere, TreeAnswer, index_file
from .workspaces import workspace_folder

T = TypeVar("T")
MOST_STORE_BYTES = 20 << 30
_PART_OF_DISK = 4
"""The store takes at most this part of what is free when it is opened."""

log = logging.getLogger(__name__)


class Projects:
    """The files of all workspaces below `base`; its coroutines run in the agent's loop.

    A workspace that no client asked about has none, and costs nothing.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._projects: dict[str, ProjectThere] = {}
        self._store: DirectoryStore | None = None
        self._opening = threading.Lock()
        self._arrivals = Arrivals(self._open_store)
        self._working = 0

    @property
    def busy(self) -> bool:
        """Whether files are just being looked at, taken or given."""
        return self._working > 0

    async def look(self, request: project.LookProject) -> Result:
        """See `LookProject`."""
        base = _listed(request.base, request.depth) if request.base else None
        found = self._project(request.workspace)
        answer = await self._away(lambda: found.look(base, request.most_bytes, fresh=request.fresh))
        return _tree(answer)

    async def find(self, request: project.FindProject) -> Result:
        """See `FindProject`."""
        wanted = [one for one in _blob(request).split(b"\0") if one]
        found = self._project(request.workspace)
        return _tree(await self._away(lambda: found.find(wanted)))

    async def lacking(self, request: project.LackingChunks) -> Result:
        """See `LackingChunks`."""
        names = _names(_blob(request))
        found = self._project(request.workspace)
        lacking = await self._away(lambda: self._expecting(request.workspace, found, names))
        return {BLOBS: (b"".join(lacking),)}

    def _expecting(self, workspace: str, found: ProjectThere, names: list[bytes]) -> list[bytes]:
        """Return what is lacking; until it has found its place nothing of it is forgotten."""
        lacking = found.lacking(names)
        if lacking:
            self._open_store().keep(_coming(workspace), names)
        return lacking

    def _forget_coming(self, workspace: str) -> None:
        """Keep no chunks for a workspace any more."""
        if self._store is not None:
            self._store.release(_coming(workspace))

    async def put(self, request: project.PutChunks) -> Result:
        """See `PutChunks`."""
        view = memoryview(_blob(request))
        await self._away(lambda: self._arrivals.take(view))
        return {}

    async def give(self, request: project.GiveChunks) -> Result:
        """See `GiveChunks`."""
        found, names = self._project(request.workspace), _blob(request)
        if request.lists:
            width = NAME_BYTES + 1
            lists = [(one[:NAME_BYTES], one[NAME_BYTES]) for one in _cut(names, width)]
            chunks = await self._away(lambda: found.give_lists(lists))
        else:
            chunks = await self._away(lambda: found.give(_names(names)))
        return {BLOBS: _packed(chunks.items())}

    async def change(self, request: project.ChangeProject) -> Result:
        """See `ChangeProject`."""
        base = _listed(request.base, request.depth)
        root = _listed(request.root, request.root_depth)
        found, data = self._project(request.workspace), _blob(request)
        answer = await self._away(lambda: found.change(base, root, _unpacked(data), request.who))
        if not found.expects_more:  # else more changes come, each with some of the files
            self._forget_coming(request.workspace)
        refused = {project.path_mark(path): why for path, why in answer.refused.items()}
        return {**_tree(answer), "refused": refused}

    async def run_with(self, request: project.RunWith) -> messages.Run:
        """Make the files what a run needs; return the run. See `RunWith`."""
        wanted = _change_of(request)
        base = _listed(wanted.base, wanted.depth)
        root = _listed(wanted.root, wanted.root_depth)
        found = self._project(wanted.workspace)
        data = bytes(request.blobs[-1]) if request.blobs else b""
        await self._away(
            lambda: found.change(base, root, _unpacked(data), wanted.who, untouched=True)
        )
        if found.expects_more:  # a file that was being sent has changed, or was refused
            found.expect_no_more()
            self._forget_coming(wanted.workspace)
        fields = {name: getattr(request, name) for name in _RUN_FIELDS}
        return messages.Run(**fields, blobs=request.blobs[:-1])

    async def now(self, folder: Path) -> Listed | None:
        """Return how the files around a kernel's folder are; None if nobody syncs them."""
        workspaces = self._base / "workspaces"
        if not folder.is_relative_to(workspaces) or folder == workspaces:
            return None
        name = folder.relative_to(workspaces).parts[0]
        if name not in self._projects and not index_file(workspaces / name).exists():
            return None
        found = self._project(name)
        return found.unchanged() or await self._away(found.now)

    def close(self) -> None:
        """Let go of all; blocks until what is under way is done."""
        for found in self._projects.values():
            found.close()
        try:
            self._arrivals.write()
        except (RemoteGPUError, OSError) as error:
            log.warning("what had just arrived cannot be kept, it is to be sent again: %s", error)
        if self._store is not None:
            self._store.close()

    def _project(self, name: str) -> ProjectThere:
        folder = workspace_folder(self._base, name)
        return self._projects.setdefault(name, ProjectThere(folder, self._arrivals))

    def _open_store(self) -> DirectoryStore:
        with self._opening:
            if self._store is None:
                folder = self._base / "store"
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                limit = min(MOST_STORE_BYTES, shutil.disk_usage(folder).free // _PART_OF_DISK)
                self._store = DirectoryStore(folder, limit)
            return self._store

    async def _away(self, work: Callable[[], T]) -> T:
        """Do what blocks in a thread; whatever fails there is an error that a client is told."""
        self._working += 1
        try:
            return await asyncio.to_thread(work)
        except RemoteGPUError:
            raise
        except OSError as error:
            raise FilesError(
                f"the project's files on the machine: {error.strerror or error}",
                hint="Nothing was half done: files are replaced as a whole.",
            ) from error
        except Exception as error:
            log.exception("the project's files could not be worked on")
            raise InternalError(
                f"the project's files could not be worked on: {type(error).__name__}: {error}",
                hint="Please report this. The agent's log has the place.",
            ) from error
        finally:
            self._working -= 1


_RUN_FIELDS = ("request", "kernel", "run", "source", "count", "parent", "stdin", "state")


def _coming(workspace: str) -> str:
    """Return who keeps the chunks of files that are on their way into a workspace."""
    return f"on the way to {workspace}"


def _change_of(request: project.RunWith) -> project.ChangeProject:
    """Return what a run says of its files as the change it is, checked."""
    try:
        wanted = project.ChangeProject(request=request.request, **request.project)
    except TypeError as error:
        raise ProtocolError(f"a run's project is incomplete: {error}") from error
    texts = (wanted.workspace, wanted.base, wanted.root, wanted.who)
    numbers = (wanted.depth, wanted.root_depth)
    if not all(isinstance(one, str) for one in texts) or not all(type(n) is int for n in numbers):
        raise ProtocolError("a run's project has fields of the wrong type")
    return wanted


def _listed(name: str, depth: int) -> Listed:
    if not re.fullmatch("[0-9a-f]{64}", name):
        raise ProtocolError(f"{name!r:.100} is no name of a tree")
    return Listed(bytes.fromhex(name), depth)


def _blob(message: messages.Message) -> bytes:
    return b"".join(message.blobs)


def _cut(data: bytes, width: int) -> list[bytes]:
    if len(data) % width:
        raise ProtocolError("a list of chunks does not hold whole names")
    return [data[i : i + width] for i in range(0, len(data), width)]


def _names(data: bytes) -> list[bytes]:
    return _cut(data, NAME_BYTES)


def _unpacked(data: bytes) -> dict[bytes, bytes]:
    return {name: bytes(chunk) for name, chunk in unpack(memoryview(data))} if data else {}


def _packed(chunks: Iterable[tuple[bytes, bytes]]) -> tuple[Buffer, ...]:
    """Return a pack as one blob; nothing for no chunks."""
    found = list(chunks)
    return (b"".join(pack(found)),) if found else ()


def _tree(answer: TreeAnswer) -> Result:
    return {
        "root": answer.root.name.hex(),
        "depth": answer.root.depth,
        "based": answer.based,
        BLOBS: _packed(answer.chunks.items()),
    }
