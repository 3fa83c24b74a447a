"""Placing a dataset on a machine, from here: links as they are wanted, and files of ours."""

from __future__ import annotations

import asyncio
import contextlib
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.datasets.local import place as place_here
from jupyter_remote_gpu.datasets.source import RemoteFile, Resolved, Source
from jupyter_remote_gpu.errors import LackingError, NotAvailableError, RemoteGPUError
from jupyter_remote_gpu.protocol.dataset_messages import (
    GiveLinks,
    LinksWanted,
    PlaceDataset,
    StopDataset,
)
from jupyter_remote_gpu.protocol.steps import Told

from .client import AgentClient

MOST_ASKS = 500
"""So often one placement may ask for links beyond once a file, before it is taken for broken."""
STOP_SECONDS = 5.0

Carry = Callable[[Path, str], None]
"""Brings a `.tar.gz` to a folder below the agent's; blocks."""


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
    """A dataset on a machine: its path there, what it weighs, and what the user should know."""

    path: str
    kaggle: str
    key: str
    bytes: int
    files: int
    checked: tuple[str, ...]
    notes: tuple[str, ...]


class Placement:
    """One dataset placed on one machine; `run` is called once, in the client's loop."""

    def __init__(
        self,
        client: AgentClient,
        resolved: Resolved,
        source: Source,
        where: Where,
        *,
        asked: str = "",
        carry: Carry | None = None,
    ) -> None:
        self._client = client
        self._resolved = resolved
        self._source = source
        self._where = where
        self._asked = asked
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
            return await self._ask(told, await self._files())
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
            )
        except asyncio.CancelledError:
            stopping = self._client.request(StopDataset, key=resolved.key)
            await asyncio.wait({asyncio.ensure_future(stopping)}, timeout=STOP_SECONDS)
            raise
        finally:
            if self._signing is not None:
                self._signing.cancel()
        return Placed(
            path=result["path"],
            kaggle=result["kaggle"],
            key=result["key"],
            bytes=result["bytes"],
            files=result["files"],
            checked=tuple(result["checked"]),
            notes=tuple(result["notes"]),
        )

    async def _files(self) -> list[dict[str, Any]]:
        files = [described(file) for file in self._resolved.files]
        if self._resolved.lies_here:
            folder = f"carried/dataset-{self._resolved.key}"
            if self._carry is None:
                raise NotAvailableError("this machine takes no files of this computer")
            await asyncio.to_thread(self._send, self._carry, folder)
            for file in files:
                file["carried"] = f"{folder}/{file['path']}"
        return files

    def _send(self, carry: Carry, folder: str) -> None:
        """Bring files of this computer to the machine, as one archive."""
        with tempfile.TemporaryDirectory(prefix="rgpu-data-") as made:
            archive = Path(made) / "data.tar.gz"
            with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
                for file in self._resolved.files:
                    packed.add(place_here(self._resolved, file), file.path, recursive=False)
            carry(archive, folder)

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
        except RemoteGPUError as error:
            self._failure = error
            told = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
            self._pending.clear()
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


def described(file: RemoteFile) -> dict[str, Any]:
    """Return a file as the machine's half wants it."""
    return {
        "path": file.path,
        "bytes": file.bytes,
        "digests": {digest.kind: digest.hex for digest in file.digests},
        "unpack": file.unpack,
        "only": file.only,
    }
