"""Placing a dataset on a machine, from here: links as they are wanted, and files of ours."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.datasets.addresses import without_secrets
from jupyter_remote_gpu.datasets.local import place as place_here
from jupyter_remote_gpu.datasets.source import RemoteFile, Resolved, Source
from jupyter_remote_gpu.errors import (
    DiskFullError,
    InternalError,
    LackingError,
    NotAvailableError,
    RemoteGPUError,
)
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.protocol.dataset_messages import (
    GiveLinks,
    LinksWanted,
    PlaceDataset,
    StopDataset,
)
from jupyter_remote_gpu.protocol.steps import Step, Told

from .client import AgentClient
from .summary import size_text

MOST_ASKS = 500
"""So often one placement may ask for links beyond once a file, before it is taken for broken."""
STOP_SECONDS = 5.0
_PROBE_BYTES = 1 << 18

Carry = Callable[[Path, str], None]
"""Brings a `.tar` or `.tar.gz` to a folder below the agent's; blocks."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a dataset is to be found: links to it, besides the one place where it lies.

    `workspace` names a workspace, or `folder` is a project's folder on the machine;
    `at` is a path below that project, `kaggle` a name below /kaggle/input. "" for none.
    """

    workspace: str = ""
    folder: str = ""
    at: str = ""
    kaggle: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A dataset on a machine: its path there, what it weighs, and what the user should know.

    `fetched`: it was not there before.
    """

    path: str
    kaggle: str
    key: str
    bytes: int
    files: int
    checked: tuple[str, ...]
    notes: tuple[str, ...]
    fetched: bool = False


class Placement:
    """One dataset placed on one machine; `run` is called once, in the client's loop.

    `aside`: where its place in the project has other data, it may have another.
    """

    def __init__(
        self,
        client: AgentClient,
        resolved: Resolved,
        source: Source,
        where: Where,
        *,
        asked: str = "",
        aside: bool = False,
        carry: Carry | None = None,
    ) -> None:
        self._client = client
        self._resolved = resolved
        self._source = source
        self._where = where
        self._asked = without_secrets(asked)  # the machine writes it down
        self._aside = aside
        self._carry = carry
        self._asks = 0
        self._failure: RemoteGPUError | None = None
        self._pending: list[int] = []
        self._signing: asyncio.Task[None] | None = None

    async def run(self, told: Told) -> Placed:
        """Place the dataset; asks the source for nothing but links that the machine wants.

        Cancelled, it ends the download too, unless others wait for it; what arrived
        is kept. Raises what the source raises, DatasetError, DiskFullError,
        UnsafePathError, InTheWayError.
        """
        with contextlib.suppress(LackingError):
            return await self._ask(told, [])
        try:
            return await self._ask(told, await self._files(told))
        except RemoteGPUError as error:
            # our own words on why there were no links say more than their echo
            raise (self._failure or error) from None

    async def _ask(self, told: Told, files: list[dict[str, Any]]) -> Placed:
        resolved, where = self._resolved, self._where
        try:
            result = await self._client.request(
                PlaceDataset,
                told=told,
                wanted=self._wanted,
                key=resolved.key,
                text=resolved.text,
                asked=self._asked,
                name=resolved.reference.name,
                files=files,
                workspace=where.workspace,
                folder=where.folder,
                at=where.at,
                kaggle=where.kaggle,
                of=_of(resolved),
                version=resolved.unsaid_version,
                aside=self._aside,
            )
        except asyncio.CancelledError:
            if files:  # else it was only asked whether it is there
                stopping = self._client.request(StopDataset, key=resolved.key)
                await asyncio.wait({asyncio.ensure_future(stopping)}, timeout=STOP_SECONDS)
            raise
        finally:
            if self._signing is not None:
                self._signing.cancel()
        return Placed(
            path=result["path"],
            kaggle=path_text(result["kaggle"]),
            key=resolved.key,
            bytes=int(result["bytes"]),
            files=int(result["files"]),
            checked=tuple(map(path_text, result["checked"])),
            notes=tuple(map(path_text, result["notes"])),
            fetched=bool(result["fetched"]),
        )

    async def _files(self, told: Told) -> list[dict[str, Any]]:
        files = [described(file) for file in self._resolved.files]
        if self._resolved.lies_here:
            folder = f"carried/dataset-{self._resolved.key}"
            if self._carry is None:
                raise NotAvailableError("this machine takes no files of this computer")
            told(Step(f"packing {self._resolved.reference.name}"))
            await asyncio.to_thread(self._send, self._carry, folder)
            for file in files:
                file["carried"] = f"{folder}/{file['path']}"
        return files

    def _send(self, carry: Carry, folder: str) -> None:
        """Bring files of this computer to the machine, as one archive."""
        name, size = self._resolved.reference.name, self._resolved.bytes or 0
        with tempfile.TemporaryDirectory(prefix="rgpu-data-") as made:
            free = shutil.disk_usage(made).free
            if size > free:
                raise DiskFullError(
                    f"{name} has {size_text(size)}, which are packed here before they are sent,"
                    f" and {size_text(free)} are free at {made}",
                    hint="Set TMPDIR to a folder on another disk, and start the notebook anew.",
                )
            carry(_packed(self._resolved, Path(made)), folder)

    def _wanted(self, message: LinksWanted) -> None:
        """Sign links, in a thread, and send them; what is being signed is not signed twice."""
        files = self._resolved.files
        self._asks += 1
        if self._asks > MOST_ASKS + len(files):
            return
        self._pending += [
            number
            for number in message.files
            if 0 <= number < len(files) and number not in self._pending
        ]
        if self._pending and self._signing is None:
            self._signing = asyncio.get_running_loop().create_task(self._sign(message.key))

    async def _sign(self, key: str) -> None:
        """Sign what is pending until nothing is."""
        try:
            while numbers := list(self._pending):
                await self._give(key, numbers)
                del self._pending[: len(numbers)]
        except Exception as error:
            self._pending.clear()
            if not isinstance(error, RemoteGPUError):
                # its words may hold an address that is signed; the machine would wait for long
                name = self._resolved.reference.name
                error = InternalError(f"no link to {name} could be had: {type(error).__name__}")
            self._failure = error
            told = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
            await self._client.request(GiveLinks, key=key, refused=told)
        finally:
            self._signing = None

    async def _give(self, key: str, numbers: Sequence[int]) -> None:
        wanted = [self._resolved.files[number] for number in numbers]
        links = await asyncio.to_thread(self._source.links, self._resolved, wanted)
        given = {
            str(number): {
                "url": link.url,
                "headers": dict(link.headers),
                "expires_at": link.expires_at,
            }
            for number, link in zip(numbers, links, strict=True)
        }
        await self._client.request(GiveLinks, key=key, links=given)


def _packed(resolved: Resolved, folder: Path) -> Path:
    """Return an archive of files of this computer; packed tightly only where that gains much."""
    places = [(place_here(resolved, file), file) for file in resolved.files]
    tight = not places or _gains(max(places, key=lambda one: one[1].bytes or 0)[0])
    archive = folder / ("data.tar.gz" if tight else "data.tar")
    with (
        tarfile.open(archive, "w:gz", compresslevel=1) if tight else tarfile.open(archive, "w:")
    ) as packed:
        packed.dereference = True  # two names of one file are two files there
        for path, file in places:
            # whoever follows links here sees the file, and so does the machine
            packed.add(path.resolve(), file.path, recursive=False)
    return archive


def _gains(file: Path) -> bool:
    """Whether a file's beginning gets much smaller by packing: pictures and archives do not."""
    with file.open("rb") as opened:
        begin = opened.read(_PROBE_BYTES)
    return len(zlib.compress(begin, 1)) < 0.9 * len(begin)


def _of(resolved: Resolved) -> str:
    """Return the address without a version, and without what of it is wanted."""
    return replace(resolved.reference, version="", path="", digest=None).text


def described(file: RemoteFile) -> dict[str, Any]:
    """Return a file as the machine's half wants it."""
    return {
        "path": file.path,
        "bytes": file.bytes,
        "digests": {digest.kind: digest.hex for digest in file.digests},
        "unpack": file.unpack,
        "only": file.only,
    }
