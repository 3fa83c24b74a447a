"""The files of a workspace on a machine, as its agent tells of them: looking, asking, sending.

What is known of them is the tree that was told of last. All methods block on the
machine, and raise what asking it raises.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jupyter_remote_gpu.chunks.lacking import lacking
from jupyter_remote_gpu.chunks.listing import NAME_BYTES, Get, Listed
from jupyter_remote_gpu.chunks.manifest import Content, chunk_names
from jupyter_remote_gpu.chunks.packs import pack, squeezed, unpack
from jupyter_remote_gpu.chunks.store import Store
from jupyter_remote_gpu.chunks.tree import (
    FOLDER,
    Encoded,
    Entry,
    Tree,
    changes,
    decode,
    encode,
    revise,
)
from jupyter_remote_gpu.errors import LackingError, ProtocolError
from jupyter_remote_gpu.files.held import HeldChunks, first_of
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.protocol.steps import Step, Told

from .pacing import paced
from .place import Ask
from .squeezing import Squeezing

PACK_BYTES = 8 << 20
"""What comes is written to a store in pieces of about this size."""
LEAST_PUT_BYTES = 256 << 10
"""Twenty milliseconds of a line of 100 Mbit/s; the cells of this notebook wait for these files.

A request costs two milliseconds of both processors together.
"""
WHO = "notebook"
_LISTS_AT_ONCE = 256


class There:
    """One workspace on one machine. Used by one thread at a time; while one is in `put`, another
    may `change`.

    `tree` is what lies there, as far as `known`; `arrived` has the nodes and
    chunks of small files that came along with the last look, `surprises` what was
    found to be different since, when something was changed there.
    """

    def __init__(self, ask: Ask, workspace: str) -> None:
        self.ask = ask
        """How the machine's agent is asked."""
        self._workspace = workspace
        self.known = False
        self.tree: dict[bytes, Entry] = {}
        self.arrived: dict[bytes, bytes] = {}
        self.surprises: set[bytes] = set()
        self.bytes_out = 0
        self.bytes_back = 0
        self._now = encode({})
        self._squeezing = Squeezing()

    def guess(self, tree: Tree) -> None:
        """Take it that this lies there, until it is looked at: if it is so, little is told."""
        self.tree = dict(tree)
        for path in tree:
            parent = path.rpartition(b"/")[0]
            while parent and parent not in self.tree:
                self.tree[parent] = FOLDER
                parent = parent.rpartition(b"/")[0]
        self._now = encode(self.tree)

    @property
    def root(self) -> Listed:
        """The name of the whole tree."""
        return self._now.root

    def look(self, most_bytes: int, *, fresh: bool = False) -> set[bytes]:
        """Learn how it is now; return the paths that differ from what was known.

        Files of up to `most_bytes` together that changed are in `arrived` afterwards.
        """
        answer = self._request(
            project.LookProject,
            base=self.root.name.hex(),
            depth=self.root.depth,
            most_bytes=most_bytes,
            fresh=fresh,
        )
        return self._take(answer)

    def find(self, wanted: Sequence[bytes]) -> dict[bytes, Entry]:
        """Return what these paths, folders and patterns name there, left out or not."""
        answer = self._request(project.FindProject, blobs=(b"\0".join(wanted),))
        nodes = _chunks_in(answer)
        return decode(_root_of(answer), _get_from(nodes))

    def get(self, name: bytes) -> bytes:
        """Return a node or a chunk that came along; LackingError if it did not."""
        if name not in self.arrived:
            raise LackingError("a chunk was not sent along")
        return self.arrived[name]

    def fetch(
        self, contents: Sequence[Content], held: HeldChunks, into: Store, told: Told | None = None
    ) -> None:
        """Bring what these files are made of into a store, but for what is `held` here.

        What is not there any more does not come; whoever reads the store finds out.
        """
        get = first_of(self.get, into.get, held.get)
        lists = [c for c in contents if c.depth and not _has(c.name, get)]
        for i in range(0, len(lists), _LISTS_AT_ONCE):
            some = lists[i : i + _LISTS_AT_ONCE]
            data = b"".join([c.name + bytes([c.depth - 1]) for c in some])
            answer = self._request(project.GiveChunks, blobs=(data,), lists=True)
            into.add(_chunks_in(answer).items())
        sizes: dict[bytes, int] = {}
        for content in contents:
            try:
                found = chunk_names([content], get)
            except LackingError:
                continue
            sizes.update(found)
        there = into.having(sizes) | held.having(sizes) | self.arrived.keys()
        self._draw(lacking(sizes, there), into, told)

    def _draw(self, wanted: Mapping[bytes, int], into: Store, told: Told | None) -> None:
        total, done = sum(wanted.values()), 0

        def give(names: list[bytes]) -> dict[bytes, memoryview]:
            return _chunks_in(self._request(project.GiveChunks, blobs=(b"".join(names),)))

        # packs of a store are written at once: few large ones are better than many
        waiting: dict[bytes, memoryview] = {}
        try:
            for chunks in paced(give, wanted):
                waiting.update(chunks)
                done += sum(map(len, chunks.values()))
                if told is not None:
                    told(Step("bringing files back", done, total))
                if sum(map(len, waiting.values())) >= PACK_BYTES:
                    into.add(waiting.items())
                    waiting = {}
        finally:
            into.add(waiting.items())

    def lacking(self, names: Sequence[bytes]) -> set[bytes]:
        """Return those of these chunks that the machine does not have in any project."""
        answer = self._request(project.LackingChunks, blobs=(b"".join(names),))
        data = b"".join(answer.get("blobs", ()))
        return {data[i : i + NAME_BYTES] for i in range(0, len(data), NAME_BYTES)}

    def put(
        self,
        sizes: Mapping[bytes, int],
        get: Get,
        told: Told | None = None,
        passed: Callable[[int, set[bytes]], None] = lambda done, gone: None,
    ) -> set[bytes]:
        """Send chunks in order; return the names of those that were not here any more.

        `passed` is called with how many bytes have arrived, and which are gone so far.
        """
        total, done = sum(sizes.values()), 0
        gone: set[bytes] = set()

        reading = threading.Lock()

        def put(names: list[bytes]) -> int:
            chunks = []
            with reading:  # files are read by one thread
                for name in names:
                    try:
                        chunks.append((name, get(name)))
                    except LackingError:  # noqa: PERF203  (a file that has just changed)
                        gone.add(name)
            self._request(project.PutChunks, blobs=tuple(self._squeezing.of(pack(chunks))))
            size = sum(sizes[name] for name in names)
            self._squeezing.sent(size)
            return size

        self._squeezing.begin()
        for size in paced(put, sizes, LEAST_PUT_BYTES):
            done += size
            if told is not None:
                told(Step("sending the project's files", done, total))
            passed(done, gone)
        return gone

    def target(self, changed: Mapping[bytes, Entry | None]) -> Encoded:
        """Return the tree that results if these entries change there."""
        return revise(self._now, changed)

    @property
    def encoded(self) -> Encoded:
        """The tree, as nodes."""
        return self._now

    def change(
        self, target: Encoded, paths: Iterable[bytes], chunks: Mapping[bytes, bytes]
    ) -> dict[bytes, str]:
        """Have the files at `paths` be as `target` says; return what was refused, with the reason.

        `tree` is what came of it: what somebody changed there meanwhile is as he left
        it. Raises ProjectChangedError if the machine does not know what is known here.
        """
        fields = self._change(target)
        answer = self._request(project.ChangeProject, blobs=_packed(chunks), **fields)
        self.surprises |= self._take(answer, target)
        refused = answer["refused"]
        marks = {project.path_mark(path): path for path in paths} if refused else {}
        return {marks[mark]: why for mark, why in refused.items() if mark in marks}

    def carried(
        self, target: Encoded, chunks: Mapping[bytes, bytes]
    ) -> tuple[dict[str, Any], tuple[Buffer, ...]]:
        """Return what a run's own request says of its files: its field, and the blob."""
        fields = {"workspace": self._workspace, **self._change(target)}
        return fields, (b"".join(_packed(chunks)),)

    def became(self, target: Encoded, changed: Mapping[bytes, Entry | None]) -> None:
        """Note that what a run carried lies there now."""
        self._now = target
        _update(self.tree, changed)

    def _change(self, target: Encoded) -> dict[str, Any]:
        base, root = self._now.root, target.root
        return {
            "base": base.name.hex(),
            "depth": base.depth,
            "root": root.name.hex(),
            "root_depth": root.depth,
            "who": WHO,
        }

    def _take(self, answer: dict[str, Any], target: Encoded | None = None) -> set[bytes]:
        """Learn the tree that an answer tells of; return the paths that differ."""
        chunks = {name: bytes(data) for name, data in _chunks_in(answer).items()}
        root = _root_of(answer)
        mine = self._now.nodes if target is None else {**self._now.nodes, **target.nodes}
        differing = {
            path: after for path, _, after in changes(self._now.root, root, _get_from(chunks, mine))
        }
        self._now = revise(self._now, differing)
        if self._now.root != root:
            raise ProtocolError("the machine's tree of files is not written as such trees are")
        _update(self.tree, differing)
        self.arrived = chunks
        self.known = True
        return set(differing)

    def _request(self, kind: type[messages.Message], **fields: Any) -> dict[str, Any]:
        blobs = fields.get("blobs", ())
        self.bytes_out += sum(map(len, blobs))
        answer = self.ask(kind, timeout=None, workspace=self._workspace, **fields)
        self.bytes_back += sum(map(len, answer.get("blobs", ())))
        return answer


def _chunks_in(answer: Mapping[str, Any]) -> dict[bytes, memoryview]:
    return {
        name: data for blob in answer.get("blobs", ()) for name, data in unpack(memoryview(blob))
    }


def _packed(chunks: Mapping[bytes, bytes]) -> tuple[Buffer, ...]:
    return tuple(squeezed(pack(list(chunks.items())))) if chunks else ()


def _root_of(answer: Mapping[str, Any]) -> Listed:
    return Listed(bytes.fromhex(answer["root"]), answer["depth"])


def _update(tree: dict[bytes, Entry], changed: Mapping[bytes, Entry | None]) -> None:
    for path, entry in changed.items():
        if entry is None:
            tree.pop(path, None)
        else:
            tree[path] = entry


def _get_from(*mappings: Mapping[bytes, Any]) -> Get:
    def get(name: bytes) -> bytes:
        for mapping in mappings:
            if name in mapping:
                return bytes(mapping[name])
        raise LackingError("the machine did not tell all of its tree of files")

    return get


def _has(name: bytes, get: Get) -> bool:
    try:
        get(name)
    except LackingError:
        return False
    return True
