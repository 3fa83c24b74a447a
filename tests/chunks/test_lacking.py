"""What the other side lacks after a change is what changed, and no more."""

from __future__ import annotations

import random

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.lacking import lacking, new_since
from jupyter_remote_gpu.chunks.manifest import Content, Piece, content_of
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, changes, encode


def _large(seed: int, count: int, changed: int | None = None) -> tuple[Content, dict[bytes, bytes]]:
    rnd = random.Random(seed)
    pieces = [Piece(rnd.randbytes(32), 64_000) for _ in range(count)]
    if changed is not None:
        pieces[changed] = Piece(name_of(b"changed"), 65_000)
    return content_of(pieces)


def test_a_chunk_changed_in_a_large_file_is_that_chunk_and_a_few_nodes() -> None:
    old, old_nodes = _large(1, 1600)
    new, new_nodes = _large(1, 1600, changed=800)
    tree: dict[bytes, Entry] = {b"d": FOLDER, b"d/w.bin": FileEntry(old), b"a": FOLDER}
    before = encode(tree)
    after = encode({**tree, b"d/w.bin": FileEntry(new)})
    nodes = {**before.nodes, **after.nodes, **old_nodes, **new_nodes}
    found = {p: (a, b) for p, a, b in changes(before.root, after.root, nodes.__getitem__)}
    need = new_since(before, after, found, nodes.__getitem__)
    assert dict(need.chunks) == {name_of(b"changed"): 65_000}
    assert need.bytes < 65_000 + 30_000
    assert need.nodes.keys() >= after.nodes.keys() - before.nodes.keys()


def test_the_first_time_it_is_everything() -> None:
    new, new_nodes = _large(2, 300)
    after = encode({b"w.bin": FileEntry(new)})
    nodes = {**after.nodes, **new_nodes}
    changed: dict[bytes, tuple[Entry | None, Entry | None]] = {b"w.bin": (None, FileEntry(new))}
    need = new_since(None, after, changed, nodes.__getitem__)
    assert need.nodes.keys() == nodes.keys()
    assert len(need.chunks) == 300


def test_what_is_held_is_not_lacking() -> None:
    assert lacking({b"a": 1, b"b": 2}, {b"a"}) == {b"b": 2}
