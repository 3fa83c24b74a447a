"""Chunks that lie in the files of a tree: what is there already need not be sent or stored twice.

A file may have changed since it was looked at, so every chunk is verified when
it is read; one that is not what it was is lacking.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.listing import Get
from jupyter_remote_gpu.chunks.manifest import Content, content_of
from jupyter_remote_gpu.chunks.tree import FileEntry
from jupyter_remote_gpu.errors import LackingError

from .folders import Folder
from .index import Index

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class HeldChunks:
    """The chunks of a tree's files, as of the index when it was made or last followed.

    For one thread. `index` is the one it was made of.
    """

    def __init__(self, root: Path, index: Index) -> None:
        self.index = index
        self._root = root
        self._open: tuple[bytes, int] | None = None
        self._folder: tuple[bytes, Folder] | None = None
        self._learn_all()

    def _learn_all(self) -> None:
        self._places: dict[bytes, tuple[bytes, int, int]] = {}
        self._nodes: dict[bytes, bytes] = {}
        self._lists = dict(self.index.pieces)
        self._followed = False
        for path, known in self.index.known.items():
            if type(known.entry) is FileEntry:
                self._learn(path, known.entry.content)

    def _learn(self, path: bytes, content: Content) -> None:
        if content.depth == 0:
            self._places[content.name] = (path, 0, content.size)
            return
        start = 0
        for piece in self._lists.get(content.name, ()):
            self._places[piece.name] = (path, start, piece.size)
            start += piece.size

    def follow(self, changed: Iterable[bytes]) -> None:
        """Learn what the index says of these paths now; costs as much as they are."""
        self.close()
        self._followed = True
        for path in changed:
            known = self.index.known.get(path)
            if known is None or type(known.entry) is not FileEntry:
                continue
            content = known.entry.content
            pieces = self.index.pieces.get(content.name) if content.depth else None
            if pieces is not None and content.name not in self._lists:
                self._lists[content.name] = pieces
                if self._nodes:
                    self._nodes.update(content_of(pieces)[1])
            self._learn(path, content)

    def having(self, names: Iterable[bytes]) -> set[bytes]:
        """Return those of `names` that lay in a file when it was last looked at."""
        return {name for name in names if name in self._places}

    def get(self, name: bytes) -> bytes:
        """Return a chunk, or a node of a file's list; LackingError if it is not here any more."""
        try:
            return self._got(name)
        except LackingError:
            if not self._followed:
                raise
        # Where it was seen last has changed; another file may have it still.
        self._learn_all()
        return self._got(name)

    def or_from(self, other: Get) -> Get:
        """Return what gives a chunk from the files, else from `other`; raises as that does."""

        def get(name: bytes) -> bytes:
            if self._has(name):
                with contextlib.suppress(LackingError):
                    return self.get(name)
            return other(name)

        return get

    def _has(self, name: bytes) -> bool:
        """Whether a chunk or node was in a file when it was looked at, without reading any."""
        return name in self._places or name in self._all_nodes()

    def _got(self, name: bytes) -> bytes:
        place = self._places.get(name)
        if place is None:
            return self._node(name)
        path, start, size = place
        try:
            data = os.pread(self._number(path), size, start)
        except OSError as error:
            raise LackingError(f"{os.fsdecode(path)} is not there any more") from error
        if name_of(data) != name:
            raise LackingError(f"{os.fsdecode(path)} has changed since it was looked at")
        return data

    def _node(self, name: bytes) -> bytes:
        nodes = self._all_nodes()
        if name not in nodes:
            raise LackingError("a chunk that was asked for lies in no file here")
        return nodes[name]

    def _all_nodes(self) -> dict[bytes, bytes]:
        """Return the nodes of all lists, made when they are first asked for."""
        if not self._nodes:
            for pieces in self._lists.values():
                self._nodes.update(content_of(pieces)[1])
        return self._nodes

    def _number(self, path: bytes) -> int:
        """Return a descriptor of a file; that of the last one stays open, and its folder."""
        if self._open is not None and self._open[0] == path:
            return self._open[1]
        self._close_file()
        parent, _, name = path.rpartition(b"/")
        if self._folder is not None and self._folder[0] == parent:
            with contextlib.suppress(OSError):  # another folder may have taken its place
                return self._opened(path, self._folder[1], name)
        self.close()
        with Folder.at(self._root) as root:
            self._folder = (parent, root.walk(parent))
        return self._opened(path, self._folder[1], name)

    def _opened(self, path: bytes, folder: Folder, name: bytes) -> int:
        number = os.open(folder.name(name), _FLAGS, dir_fd=folder.number)
        self._open = (path, number)
        return number

    def _close_file(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def close(self) -> None:
        """Close the file and the folder that are open for reading."""
        self._close_file()
        if self._folder is not None:
            self._folder[1].close()
            self._folder = None


def first_of(*sources: Get) -> Get:
    """Return what asks each of these in turn until one has the chunk; raises LackingError."""

    def get(name: bytes) -> bytes:
        for source in sources[:-1]:
            with contextlib.suppress(LackingError):
                return source(name)
        return sources[-1](name)

    return get
