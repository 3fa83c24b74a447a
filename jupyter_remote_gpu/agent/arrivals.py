"""Chunks that came from a client and have found no place yet.

They wait in memory, since most go straight into a file: written to the store first,
every byte would be written twice. What becomes too much is in the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable

from jupyter_remote_gpu.chunks.listing import Get
from jupyter_remote_gpu.chunks.packs import unpack
from jupyter_remote_gpu.chunks.store import Store

MOST_BYTES = 16 << 20
"""More than this is not held in memory; a client sends about half of it between two changes."""


class Arrivals:
    """Chunks on their way into files, of all workspaces. Any thread.

    Chunks are verified before they are kept here, and what it gives is what their names say.
    """

    def __init__(self, store: Callable[[], Store], most_bytes: int = MOST_BYTES) -> None:
        self._store = store
        self._most = most_bytes
        self._lock = threading.Lock()
        self._writing_lock = threading.Lock()
        self._waiting: dict[bytes, bytes] = {}
        self._writing: dict[bytes, bytes] = {}
        self._bytes = 0

    def take(self, pack: memoryview) -> None:
        """Keep the chunks of a pack; raises DamagedError, and what `Store.add` raises."""
        # copied, since one that waits for long would keep all of its pack in memory
        chunks = [(name, bytes(chunk)) for name, chunk in unpack(pack)]
        with self._lock:
            for name, chunk in chunks:
                self._let_go(name)
                self._waiting[name] = chunk
                self._bytes += len(chunk)
            enough = self._bytes >= self._most
        if enough:
            self.write()

    def write(self) -> None:
        """Have all that waits in the store. Blocks on the disk; raises what `Store.add` raises."""
        with self._writing_lock:
            with self._lock:
                self._writing, self._waiting, self._bytes = self._waiting, {}, 0
            try:
                if self._writing:
                    self._store().add(self._writing.items())
            finally:
                with self._lock:
                    self._writing = {}

    def having(self, names: Collection[bytes]) -> set[bytes]:
        """Return those of `names` that are here, or in the store."""
        with self._lock:
            found = {name for name in names if name in self._waiting or name in self._writing}
        return found | self._store().having(set(names) - found)

    def get(self, name: bytes) -> bytes:
        """Return a chunk, from here or from the store; LackingError if it is in neither."""
        with self._lock:
            found = self._waiting.get(name, self._writing.get(name))
        return found if found is not None else self._store().get(name)

    def before(self, other: Get) -> Get:
        """Return what gives a chunk that waits here, else what `other` gives."""

        def get(name: bytes) -> bytes:
            with self._lock:
                found = self._waiting.get(name)
            return found if found is not None else other(name)

        return get

    def placed(self, names: Iterable[bytes]) -> None:
        """Let go of chunks that lie in files now; unknown ones are no error."""
        with self._lock:
            for name in names:
                self._let_go(name)

    def _let_go(self, name: bytes) -> None:
        self._bytes -= len(self._waiting.pop(name, b""))
