"""Where chunks are kept, by name: what every store promises, and one in memory.

A store is a cache. It may forget what nobody keeps, at any time, also between
`having` and `get`; whoever needs a chunk that is gone asks for it again. What it
gives is always what the name says.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable

from jupyter_remote_gpu.errors import DamagedError, LackingError
from jupyter_remote_gpu.protocol.frames import Buffer

from .fingerprint import name_of


class Store(ABC):
    """Chunks by name. Safe to use from several threads; may block on a disk, never on a network."""

    @abstractmethod
    def having(self, names: Iterable[bytes]) -> set[bytes]:
        """Return those of `names` that are here. A look at an index: no chunk is read."""

    @abstractmethod
    def get(self, name: bytes) -> bytes:
        """Return a chunk, verified; LackingError if it is not here.

        A chunk that was damaged is forgotten and told as lacking.
        """

    @abstractmethod
    def add(self, chunks: Iterable[tuple[bytes, Buffer]]) -> None:
        """Keep these chunks; those that are here already are not written again.

        Called with what came over the wire and what was cut here. Raises
        DamagedError for a chunk that is not what its name says, and
        DiskFullError if there is no room even after forgetting what nobody
        keeps; chunks before that one may be here, whole.
        """

    @abstractmethod
    def keep(self, owner: str, names: Iterable[bytes]) -> None:
        """Never forget these while `owner` (a workspace, a checkpoint) keeps them.

        Replaces what the owner kept before. Names that are not here yet count
        once they are.
        """

    @abstractmethod
    def release(self, owner: str) -> None:
        """Forget that an owner kept anything; an unknown one is no error."""

    @abstractmethod
    def used_bytes(self) -> int:
        """Return how much room the chunks take."""

    @abstractmethod
    def trim(self, most_bytes: int) -> int:
        """Forget what nobody keeps, the longest unused first, until this much is used.

        Returns what is used then, which is more if owners keep more.
        """


def verified(name: bytes, data: Buffer) -> Buffer:
    """Return `data` if it is the chunk of that name; raises DamagedError."""
    if name_of(data) != name:
        raise DamagedError("a chunk does not hold what its name says: damaged on its way")
    return data


class MemoryStore(Store):
    """Chunks in memory, up to a limit: what is over it and nobody keeps is forgotten at once."""

    def __init__(self, limit_bytes: int = 256 << 20) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._chunks: OrderedDict[bytes, bytes] = OrderedDict()
        self._used = 0
        self._kept: dict[str, frozenset[bytes]] = {}

    def having(self, names: Iterable[bytes]) -> set[bytes]:
        """See `Store`."""
        with self._lock:
            return {name for name in names if name in self._chunks}

    def get(self, name: bytes) -> bytes:
        """See `Store`; memory is not verified again."""
        with self._lock:
            if name not in self._chunks:
                raise LackingError("a chunk that was asked for is not in memory")
            self._chunks.move_to_end(name)
            return self._chunks[name]

    def add(self, chunks: Iterable[tuple[bytes, Buffer]]) -> None:
        """See `Store`."""
        for name, data in chunks:
            whole = bytes(verified(name, data))
            with self._lock:
                if name not in self._chunks:
                    self._chunks[name] = whole
                    self._used += len(whole)
        if self._used > self._limit:
            self.trim(self._limit)

    def keep(self, owner: str, names: Iterable[bytes]) -> None:
        """See `Store`."""
        with self._lock:
            self._kept[owner] = frozenset(names)

    def release(self, owner: str) -> None:
        """See `Store`."""
        with self._lock:
            self._kept.pop(owner, None)

    def used_bytes(self) -> int:
        """See `Store`."""
        return self._used

    def trim(self, most_bytes: int) -> int:
        """See `Store`."""
        with self._lock:
            kept = frozenset().union(*self._kept.values()) if self._kept else frozenset()
            for name in [name for name in self._chunks if name not in kept]:
                if self._used <= most_bytes:
                    break
                self._used -= len(self._chunks.pop(name))
            return self._used
