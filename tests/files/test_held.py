"""Chunks in the files that are there: found, verified, and lacking once a file has changed."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import pieces_of
from jupyter_remote_gpu.chunks.tree import FileEntry
from jupyter_remote_gpu.errors import LackingError
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.held import HeldChunks, first_of
from tests.files.trees import Chunks, Place, changes, read, write

_BIG = random.Random(1).randbytes(1_000_000)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with a large file, a small one and an empty one."""
    return Place(tmp_path / "p", {"d/w.bin": _BIG, "a.py": "a = 1", "empty": ""})


def test_every_chunk_and_node_is_found(place: Place) -> None:
    held = HeldChunks(place.root, place.index)
    for entry in place.index.tree().values():
        if isinstance(entry, FileEntry):
            pieces = pieces_of(entry.content, held.get)
            assert held.having(piece.name for piece in pieces) == {piece.name for piece in pieces}
            assert sum(len(held.get(piece.name)) for piece in pieces) == entry.content.size
    held.close()


def test_a_file_that_changed_gives_nothing_wrong(place: Place) -> None:
    held = HeldChunks(place.root, place.index)
    entry = place.index.tree()[b"a.py"]
    assert isinstance(entry, FileEntry)
    (place.root / "a.py").write_text("a = 2")
    with pytest.raises(LackingError, match="has changed"):
        held.get(entry.content.name)
    (place.root / "a.py").unlink()
    held.close()
    with pytest.raises(LackingError, match="not there"):
        held.get(entry.content.name)
    with pytest.raises(LackingError):
        held.get(bytes(32))


def test_a_folder_that_was_replaced_is_looked_into_again(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", {"d/a": "one", "d/b": "two"})
    held = HeldChunks(place.root, place.index)
    assert held.get(name_of(b"one")) == b"one"
    (place.root / "d").rename(tmp_path / "elsewhere")
    write(place.root, {"d/b": "two"})
    (tmp_path / "elsewhere/b").unlink()
    assert held.get(name_of(b"two")) == b"two"
    held.close()


def test_what_lies_in_no_file_comes_from_elsewhere(place: Place) -> None:
    held = HeldChunks(place.root, place.index)
    other = Chunks()
    entry = other.entry("another")
    assert isinstance(entry, FileEntry)
    get = held.or_from(other.get)
    assert get(name_of(b"a = 1")) == b"a = 1"
    assert get(entry.content.name) == b"another"
    assert other.asked == [entry.content.name]
    # a file that changed meanwhile gives nothing, and the other one is asked
    (place.root / "a.py").write_text("a = 2")
    other.entry("a = 1")
    assert get(name_of(b"a = 1")) == b"a = 1"
    held.close()


def test_links_are_not_followed(place: Place, tmp_path: Path) -> None:
    held = HeldChunks(place.root, place.index)
    entry = place.index.tree()[b"a.py"]
    assert isinstance(entry, FileEntry)
    (tmp_path / "outside").write_text("a = 1")
    (place.root / "a.py").unlink()
    os.symlink(tmp_path / "outside", place.root / "a.py")
    with pytest.raises(LackingError):
        held.get(entry.content.name)


def test_an_edit_of_a_large_file_needs_only_what_is_new(place: Place) -> None:
    """The machine puts the new file together from the old one and the chunks that were sent."""
    sender = Chunks()
    new = _BIG[:500_000] + b"inserted" + _BIG[500_000:]
    after = sender.tree({"d/w.bin": new, "a.py": "a = 1", "empty": ""})
    held = HeldChunks(place.root, place.index)
    get = first_of(held.get, sender.get)
    sender.asked.clear()
    wanted = changes(place.index.tree(), after)
    Applier(place.root, place.index, get, who="here").apply(wanted)
    held.close()
    assert read(place.root)["d/w.bin"] == new
    sent = sum(len(sender.held[name]) for name in set(sender.asked))
    assert sent < 350_000


def test_it_follows_what_changes(tmp_path: Path) -> None:
    rnd = random.Random(3)
    large = rnd.randbytes(400_000)
    place = Place(tmp_path / "p", {"a": "one", "b": "one", "w": large})
    held = HeldChunks(place.root, place.index)
    held.get(name_of(b"one"))
    held.get(_entry(place, b"w").content.name)
    write(place.root, {"a": "two", "w": large + b"more", "n": large[:200_000]})
    changed = place.project.scan().changed
    held.follow(changed)
    assert held.get(name_of(b"two")) == b"two"
    for path in (b"w", b"n"):
        content = _entry(place, path).content
        data = b"".join([held.get(piece.name) for piece in pieces_of(content, held.get)])
        assert data == (place.root / os.fsdecode(path)).read_bytes()
    # What lay in a file that has changed is found in the other one that has it.
    write(place.root, {"b": "three", "a": "one"})
    held.follow(place.project.scan().changed)
    write(place.root, {"c": "one"})
    held.follow(place.project.scan().changed)
    (place.root / "c").unlink()
    held.follow(place.project.scan().changed)
    assert held.get(name_of(b"one")) == b"one"
    with pytest.raises(LackingError):
        held.get(name_of(b"two"))
    held.close()


def _entry(place: Place, path: bytes) -> FileEntry:
    entry = place.index.known[path].entry
    assert isinstance(entry, FileEntry)
    return entry
