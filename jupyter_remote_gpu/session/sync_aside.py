"""What a machine that is not trusted sent and the user has not accepted yet: put aside.

STATE/<project>/machines/<machine>/aside/list     what waits and what was rejected, as JSON
STATE/<project>/machines/<machine>/aside/store/   the bytes, in packs: nothing that could run
"""

from __future__ import annotations

import base64
import contextlib
import difflib
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.chunks.directory_store import DirectoryStore
from jupyter_remote_gpu.chunks.listing import Get, Listed, names_of_nodes
from jupyter_remote_gpu.chunks.manifest import Content, chunk_names, pieces_of
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry
from jupyter_remote_gpu.errors import FilesError, LackingError, ProtocolError
from jupyter_remote_gpu.protocol.plain_text import plain

OWNER = "aside"
MOST_SHOWN_BYTES = 1 << 20
_MOST_LIST_BYTES = 1 << 30
_NO_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class PutAside:
    """One entry that waits, and why."""

    entry: Entry
    reason: str
    unsafe: bool


class Aside:
    """What waits of one project and machine. Used by one thread at a time; blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: DirectoryStore | None = None
        self.waiting: dict[bytes, PutAside] = {}
        self._rejected: dict[bytes, Entry] = {}
        self._stamp: tuple[int, ...] | None = None

    def refresh(self) -> None:
        """Take in what another process put aside, accepted or rejected; cheap if none did.

        FilesError if the list cannot be read.
        """
        if self._stamp is None or self._stamp != self._stamp_now():
            self._load()

    def knows(self, path: bytes, entry: Entry | None) -> bool:
        """Whether this version of a path waits already, or was rejected."""
        held = self.waiting.get(path)
        return (held is not None and held.entry == entry) or self._rejected.get(path) == entry

    def put(self, path: bytes, entry: Entry, reason: str, get: Get, *, unsafe: bool) -> None:
        """Keep an entry with all its bytes; raises LackingError, DiskFullError."""
        if isinstance(entry, FileEntry):
            store = self._opened()
            store.add((name, get(name)) for name in _names(entry.content, get))
        self.waiting[path] = PutAside(entry, reason, unsafe)
        self._rejected.pop(path, None)
        self._save()

    def take(self, paths: Iterable[bytes]) -> None:
        """Forget what waits at paths: it was accepted or has come, and is in its place."""
        taken = [path for path in paths if self.waiting.pop(path, None) is not None]
        if taken:
            self._save()

    def reject(self, paths: Iterable[bytes]) -> None:
        """Forget what waits at paths; the same version is not put aside again."""
        for path in paths:
            held = self.waiting.pop(path, None)
            if held is not None:
                self._rejected[path] = held.entry
        self._save()

    def rejected(self, path: bytes, entry: Entry | None) -> bool:
        """Whether the user did not want this version of a path."""
        return entry is not None and self._rejected.get(path) == entry

    def reconsider(self, paths: Iterable[bytes]) -> None:
        """Forget that what lies at these paths was rejected: the user asks for it by name."""
        asked = [path for path in paths if self._rejected.pop(path, None) is not None]
        if asked:
            self._save()

    def get(self, name: bytes) -> bytes:
        """Return a chunk of what waits; LackingError if it is not here."""
        return self._opened().get(name)

    def text(self, path: bytes) -> str | None:
        """Return what waits as text; None if it is none, or too long to be shown."""
        entry = self.waiting[path].entry
        if isinstance(entry, LinkEntry):
            return f"a link to {os.fsdecode(entry.target)}"
        if not isinstance(entry, FileEntry):
            return "a folder"
        return text_of(entry.content, self.get)

    def _opened(self) -> DirectoryStore:
        if self._store is None:
            self._store = DirectoryStore(self._folder / "store", _NO_LIMIT)
        return self._store

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = {
            "waiting": [
                [_text(path), _packed(one.entry), one.reason, one.unsafe]
                for path, one in self.waiting.items()
            ],
            "rejected": [[_text(path), _packed(entry)] for path, entry in self._rejected.items()],
        }
        part = self._folder / f"list.{secrets.token_hex(4)}"
        part.write_text(json.dumps(data))
        os.replace(part, self._folder / "list")
        self._stamp = self._stamp_now()
        store = self._opened()
        kept: set[bytes] = set()
        for one in self.waiting.values():
            if isinstance(one.entry, FileEntry):
                with contextlib.suppress(LackingError):  # whoever accepts it is told
                    kept.update(_names(one.entry.content, store.get))
        store.keep(OWNER, kept)
        store.trim(0)

    def _stamp_now(self) -> tuple[int, ...]:
        try:
            status = os.stat(self._folder / "list")
        except FileNotFoundError:
            return ()
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def _load(self) -> None:
        self._stamp = self._stamp_now()
        self.waiting, self._rejected = {}, {}
        try:
            data = json.loads((self._folder / "list").read_text())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise FilesError(
                f"the list of what was put aside cannot be read: {error}",
                hint=f"Remove {self._folder}; what waits there comes again.",
            ) from error
        # another version may have written it; what waits there comes again then
        with contextlib.suppress(ProtocolError, KeyError, TypeError, ValueError, IndexError):
            for path, entry, reason, unsafe in data["waiting"]:
                self.waiting[_bytes(path)] = PutAside(_unpacked(entry), reason, unsafe)
            for path, entry in data["rejected"]:
                self._rejected[_bytes(path)] = _unpacked(entry)


def text_of(content: Content, get: Get) -> str | None:
    """Return a file as text that a terminal or page may show; None if it is none or too long."""
    if content.size > MOST_SHOWN_BYTES:
        return None
    data = b"".join(get(piece.name) for piece in pieces_of(content, get))
    try:
        return "\n".join(plain(line, MOST_SHOWN_BYTES) for line in data.decode().split("\n"))
    except UnicodeDecodeError:
        return None


def diff(path: str, ours: str | None, theirs: str | None) -> str:
    """Return the difference as `diff -u` shows it; "" in `ours` is no file."""
    if ours is None or theirs is None:
        return f"{path}: no text, or too long to be shown"
    lines = difflib.unified_diff(
        ours.splitlines(), theirs.splitlines(), f"{path} (here)", f"{path} (there)", lineterm=""
    )
    return "\n".join(lines)


def _names(content: Content, get: Get) -> list[bytes]:
    nodes: list[bytes] = []
    if content.depth:
        listed = Listed(content.name, content.depth - 1)
        nodes = names_of_nodes(listed, get, _MOST_LIST_BYTES)
    return [*nodes, *chunk_names([content], get)]


def _packed(entry: Entry) -> Any:
    if isinstance(entry, FileEntry):
        content = entry.content
        return ["file", content.size, content.name.hex(), content.depth, entry.executable]
    if isinstance(entry, LinkEntry):
        return ["link", _text(entry.target)]
    return ["folder"]


def _unpacked(data: Any) -> Entry:
    if data[0] == "file":
        return FileEntry(Content(data[1], bytes.fromhex(data[2]), data[3]), data[4])
    return LinkEntry(_bytes(data[1])) if data[0] == "link" else FOLDER


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
