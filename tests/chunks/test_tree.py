"""Trees: whole again, named alike when alike, cheap where they differ little, safe from outside."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.listing import Listed
from jupyter_remote_gpu.chunks.manifest import Content
from jupyter_remote_gpu.chunks.tree import (
    FOLDER,
    Encoded,
    Entry,
    FileEntry,
    LinkEntry,
    changes,
    decode,
    encode,
    is_path,
    revise,
)
from jupyter_remote_gpu.errors import ProtocolError


def _file(text: str, *, executable: bool = False) -> FileEntry:
    data = text.encode()
    return FileEntry(Content(len(data), name_of(data)), executable)


def _project(folders: int = 40, files: int = 25) -> dict[bytes, Entry]:
    tree: dict[bytes, Entry] = {}
    for i in range(folders):
        tree[b"p%02d" % i] = FOLDER
        for k in range(files):
            tree[b"p%02d/f%d.py" % (i, k)] = _file(f"{i} {k}")
    tree[b"empty"] = FOLDER
    tree[b"run.sh"] = _file("#!/bin/sh", executable=True)
    tree[b"link"] = LinkEntry(b"../p00")
    tree["größe Ω".encode()] = _file("unicode")
    tree[b"\xff\xfe raw"] = _file("no utf-8")
    return tree


def _get(*trees: Encoded) -> Callable[[bytes], bytes]:
    return {name: node for tree in trees for name, node in tree.nodes.items()}.__getitem__


def test_a_tree_is_whole_again() -> None:
    tree = _project()
    encoded = encode(tree)
    assert decode(encoded.root, _get(encoded)) == tree


def test_the_name_does_not_depend_on_the_order_of_finding() -> None:
    items = list(_project().items())
    random.Random(1).shuffle(items)
    assert encode(dict(items)).root == encode(_project()).root


def test_a_tree_of_nothing_is_a_tree() -> None:
    assert decode(encode({}).root, _get(encode({}))) == {}


def test_one_edit_is_a_few_nodes() -> None:
    tree = _project()
    before = encode(tree)
    after = revise(before, {b"p07/f3.py": _file("edited")})
    assert len(after.nodes.keys() - before.nodes.keys()) <= 3
    assert after == encode({**tree, b"p07/f3.py": _file("edited")})
    assert list(changes(before.root, after.root, _get(before, after))) == [
        (b"p07/f3.py", tree[b"p07/f3.py"], _file("edited"))
    ]


def test_a_renamed_folder_is_the_same_folder_in_another_list() -> None:
    tree = _project()
    moved = {path.replace(b"p07", b"renamed"): entry for path, entry in tree.items()}
    before, after = encode(tree), encode(moved)
    assert len(after.nodes.keys() - before.nodes.keys()) <= 3
    found = {
        path: (one, two) for path, one, two in changes(before.root, after.root, _get(before, after))
    }
    assert found[b"p07"] == (FOLDER, None)
    assert found[b"renamed/f3.py"] == (None, tree[b"p07/f3.py"])
    assert len(found) == 2 * 26


def test_a_tree_revised_is_the_tree_encoded_anew() -> None:
    rnd = random.Random(5)
    tree: dict[bytes, Entry] = {}
    encoded = encode(tree)
    for _ in range(300):
        changed: dict[bytes, Entry | None] = {}
        for _ in range(rnd.randrange(4)):
            _random_change(rnd, tree, changed)
        encoded = revise(encoded, changed)
        anew = encode(tree)
        assert encoded.root == anew.root
        assert encoded.nodes == anew.nodes


def _random_change(
    rnd: random.Random, tree: dict[bytes, Entry], changed: dict[bytes, Entry | None]
) -> None:
    """Change a tree as files are changed: in a folder that is there, folders with their inside."""
    parents = [b"", *(path + b"/" for path, entry in tree.items() if entry == FOLDER)]
    path = rnd.choice(parents) + rnd.choice([b"a", b"b", b"c"])
    if path.count(b"/") > 4:
        return
    for inside in [other for other in tree if other.startswith(path + b"/")]:
        del tree[inside]
        changed[inside] = None
    new = rnd.choice([None, FOLDER, _file(str(rnd.random())), LinkEntry(b"x")])
    changed[path] = new
    tree.pop(path, None)
    if new is not None:
        tree[path] = new


def test_a_file_that_became_a_folder_and_back() -> None:
    one: dict[bytes, Entry] = {b"a": _file("x")}
    two: dict[bytes, Entry] = {b"a": FOLDER, b"a/b": _file("y")}
    first, second = encode(one), encode(two)
    get = _get(first, second)
    assert list(changes(first.root, second.root, get)) == [
        (b"a", _file("x"), FOLDER),
        (b"a/b", None, _file("y")),
    ]
    assert list(changes(second.root, first.root, get)) == [
        (b"a", FOLDER, _file("x")),
        (b"a/b", _file("y"), None),
    ]


def test_ten_thousand_files_in_one_folder_differ_in_little() -> None:
    tree: dict[bytes, Entry] = {b"%05d.json" % i: _file(str(i)) for i in range(10_000)}
    before = encode(tree)
    after = encode({**tree, b"05000.json": _file("edited")})
    new = {name: node for name, node in after.nodes.items() if name not in before.nodes}
    assert sum(map(len, new.values())) < 60_000


def _record(name: bytes, kind: int = 0) -> bytes:
    return bytes([kind]) + len(name).to_bytes(2, "little") + name + bytes(41)


@pytest.mark.parametrize(
    "records",
    [
        _record(b".."),
        _record(b"."),
        _record(b""),
        _record(b"a/b"),
        _record(b"a\0b"),
        _record(b"n" * 256),
        _record(b"b") + _record(b"a"),
        _record(b"a") + _record(b"a"),
        _record(b"a")[:-1],
        _record(b"a", kind=9),
        b"\x00\xff\xff",
        b"\x02\x01\x00l\x00\x00",
        b"\x02\x01\x00l\x03\x00a\0b",
        b"\x02\x01\x00l\x03\x00a",
    ],
)
def test_entries_that_could_do_harm_are_refused(records: bytes) -> None:
    node = b"\0" + records
    with pytest.raises(ProtocolError):
        decode(Listed(name_of(node), 0), lambda _: node)


def test_folders_that_never_end_are_refused() -> None:
    nodes: dict[bytes, bytes] = {}
    node = b"\0"
    for _ in range(200):
        nodes[name_of(node)] = node
        node = b"\0\x03\x01\x00d\x00" + name_of(node)
    nodes[name_of(node)] = node
    with pytest.raises(ProtocolError, match="folders in each other"):
        decode(Listed(name_of(node), 0), nodes.__getitem__)


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        (b"a", True),
        (b"a/b.py", True),
        (b"", False),
        (b"/a", False),
        (b"a//b", False),
        (b"a/../b", False),
        (b"a/", False),
        (b"/".join([b"d"] * 200), False),
    ],
)
def test_what_is_a_path(path: bytes, fine: bool) -> None:
    assert is_path(path) is fine
