"""What a folder is made of: entries by path, and the one name that stands for all of them.

A tree is a mapping from path to entry; paths are bytes with slashes, relative
to its root, as the file system has them, in no encoding. On the wire and in a
store a folder is a list of records (`listing`), and a subfolder stands in its
parent by the name of its own list. So two trees that differ in one file differ
in one node a level, and a folder that was renamed is the same folder.

Times, owners and rights other than "may be run" are not part of a tree: they
differ between computers without meaning anything. Pure; no I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xxhash import xxh3_64_intdigest

from jupyter_remote_gpu.errors import ProtocolError

from .listing import Ends, Get, Listed, build, leaves
from .manifest import Content

MAX_NAME_BYTES = 255
MAX_TARGET_BYTES = 4095
MAX_ENTRIES = 2_000_000
MAX_FOLDERS_DEEP = 128
_MAX_FOLDER_BYTES = 1 << 30
_FILE, _PROGRAM, _LINK, _FOLDER = range(4)
_HEAD = struct.Struct("<BH")
_CONTENT = struct.Struct("<QB32s")
_LISTED = struct.Struct("<B32s")
_SHORT = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A regular file: its bytes, and whether it may be run."""

    content: Content
    executable: bool = False


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A symbolic link, by the text it holds; whatever it leads to is not part of it."""

    target: bytes


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder; what lies in it has paths of its own."""


Entry = FileEntry | LinkEntry | FolderEntry
Tree = Mapping[bytes, Entry]
FOLDER = FolderEntry()


@dataclass(frozen=True, slots=True)
class _Folder:
    """The records of a folder by name, the list they make, and the nodes of that."""

    records: Mapping[bytes, bytes]
    listed: Listed
    nodes: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A tree as nodes: the list of its root, and every node by name."""

    root: Listed
    nodes: Mapping[bytes, bytes]
    folders: Mapping[bytes, _Folder] = field(repr=False)


def encode(tree: Tree) -> Encoded:
    """Return the nodes of a tree. Every parent of a path must be in it, as a folder."""
    return revise(None, tree)


def revise(before: Encoded | None, changed: Mapping[bytes, Entry | None]) -> Encoded:
    """Return the nodes of a tree after some of its entries changed; None for those that went.

    Costs as much as the folders that changed, not as much as the tree. What
    lies in a folder that went need not be named.
    """
    folders = dict(before.folders) if before is not None else {}
    touched: dict[bytes, dict[bytes, Entry | None]] = {b"": {}}
    for path, entry in changed.items():
        parent, _, name = path.rpartition(b"/")
        touched.setdefault(parent, {})[name] = entry
        if type(entry) is FolderEntry:
            touched.setdefault(path, {})
    gone = [path for path, entry in changed.items() if type(entry) is not FolderEntry]
    for path in _with_inside(gone, folders):
        del folders[path]
    _add_parents(touched)
    # The deepest first: a folder's record holds the name of its list.
    for path in sorted(touched, key=lambda path: -path.count(b"/") - bool(path)):
        if path == b"" or path in folders or _is_folder(path, changed):
            folders[path] = _folder(path, touched[path], folders)
    nodes: dict[bytes, bytes] = {}
    for folder in folders.values():
        nodes.update(folder.nodes)
    return Encoded(folders[b""].listed, nodes, folders)


def _is_folder(path: bytes, changed: Mapping[bytes, Entry | None]) -> bool:
    return type(changed.get(path)) is FolderEntry


def _with_inside(gone: list[bytes], folders: Mapping[bytes, _Folder]) -> list[bytes]:
    """Return those of `gone` that are folders, and all folders in them."""
    found = [path for path in gone if path in folders]
    if not found:
        return []
    starts = tuple(path + b"/" for path in found)
    return found + [path for path in folders if path.startswith(starts) and path not in found]


def _add_parents(touched: dict[bytes, dict[bytes, Entry | None]]) -> None:
    """A folder's name changes with what lies in it: have each stand in its parent anew."""
    for path in list(touched):
        while path:
            parent, _, name = path.rpartition(b"/")
            known = touched.setdefault(parent, {})
            if name in known and parent != b"":
                break
            known.setdefault(name, FOLDER)
            path = parent


def _folder(
    path: bytes, changed: Mapping[bytes, Entry | None], folders: Mapping[bytes, _Folder]
) -> _Folder:
    prefix = path + b"/" if path else b""
    same = folders.get(path)
    records = dict(same.records) if same is not None else {}
    for name, entry in changed.items():
        inside = folders.get(prefix + name)
        if entry is None or (type(entry) is FolderEntry and inside is None):
            records.pop(name, None)
        else:
            records[name] = _record(name, entry, inside.listed if inside is not None else None)
    if same is not None and records == same.records:
        return same
    names = sorted(records)
    listed, nodes = build([records[name] for name in names], _ends_of(names))
    return _Folder(records, listed, nodes)


def _ends_of(names: list[bytes]) -> Ends:
    return lambda i: xxh3_64_intdigest(names[i])


def _record(name: bytes, entry: Entry, listed: Listed | None) -> bytes:
    if type(entry) is FileEntry:
        content = entry.content
        kind = _PROGRAM if entry.executable else _FILE
        rest = _CONTENT.pack(content.size, content.depth, content.name)
        return _HEAD.pack(kind, len(name)) + name + rest
    if type(entry) is LinkEntry:
        return _HEAD.pack(_LINK, len(name)) + name + _SHORT.pack(len(entry.target)) + entry.target
    assert listed is not None
    return _HEAD.pack(_FOLDER, len(name)) + name + _LISTED.pack(listed.depth, listed.name)


def decode(root: Listed, get: Get) -> dict[bytes, Entry]:
    """Return the tree below a root, parents before what lies in them.

    `get` is asked for nodes. Everything is checked as from outside: names that
    could leave the tree, order, depth and count raise ProtocolError.
    """
    found: dict[bytes, Entry] = {}
    for path, _, entry in changes(None, root, get):
        assert entry is not None
        found[path] = entry
        if len(found) > MAX_ENTRIES:
            raise ProtocolError(f"a tree has more than {MAX_ENTRIES} entries")
    return found


def changes(
    old: Listed | None, new: Listed | None, get: Get
) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    """Yield (path, entry before, entry after) of all that differs, each folder before its inside.

    Folders that are the same on both sides are not looked into. Raises as `decode`.
    """
    waiting: list[tuple[bytes, Listed | None, Listed | None, int]] = [(b"", old, new, 0)]
    while waiting:
        prefix, before, after, deep = waiting.pop()
        if before == after:
            continue
        if deep > MAX_FOLDERS_DEEP:
            raise ProtocolError(f"a tree has more than {MAX_FOLDERS_DEEP} folders in each other")
        was = _entries(before, get) if before is not None else {}
        now = _entries(after, get) if after is not None else {}
        for name in sorted(was.keys() | now.keys()):
            one, two = was.get(name), now.get(name)
            if one == two:
                continue
            first, first_inside = one or (None, None)
            second, second_inside = two or (None, None)
            path = prefix + name
            if first != second:
                yield path, first, second
            if first_inside is not None or second_inside is not None:
                waiting.append((path + b"/", first_inside, second_inside, deep + 1))


def _entries(listed: Listed, get: Get) -> dict[bytes, tuple[Entry, Listed | None]]:
    found: dict[bytes, tuple[Entry, Listed | None]] = {}
    last = b""
    for leaf in leaves(listed, get, _MAX_FOLDER_BYTES):
        at = 0
        while at < len(leaf):
            try:
                at, name, entry = _read(leaf, at)
            except struct.error as error:
                raise ProtocolError("a folder's list ends in the middle of an entry") from error
            if name <= last:
                raise ProtocolError("a folder's list is not in order, or names something twice")
            last = name
            found[name] = entry
    return found


def _read(leaf: bytes, at: int) -> tuple[int, bytes, tuple[Entry, Listed | None]]:
    kind, length = _HEAD.unpack_from(leaf, at)
    at += _HEAD.size
    name = leaf[at : at + length]
    if len(name) != length or not is_name(name):
        raise ProtocolError(f"{name!r} cannot be the name of a file")
    at += length
    if kind in (_FILE, _PROGRAM):
        size, depth, chunk = _CONTENT.unpack_from(leaf, at)
        entry = FileEntry(Content(size, chunk, depth), kind == _PROGRAM)
        return at + _CONTENT.size, name, (entry, None)
    if kind == _FOLDER:
        depth, listed = _LISTED.unpack_from(leaf, at)
        return at + _LISTED.size, name, (FOLDER, Listed(listed, depth))
    (length,) = _SHORT.unpack_from(leaf, at)
    at += _SHORT.size
    target = leaf[at : at + length]
    if kind != _LINK or len(target) != length or not is_target(target):
        raise ProtocolError(f"a folder's list has an entry {name!r} that is none of ours")
    return at + length, name, (LinkEntry(target), None)


def is_name(name: bytes) -> bool:
    """Whether this can be the name of one entry of a folder, and not lead out of it."""
    return (
        0 < len(name) <= MAX_NAME_BYTES
        and name not in (b".", b"..")
        and b"/" not in name
        and b"\0" not in name
    )


def is_target(target: bytes) -> bool:
    """Whether a symbolic link can hold this."""
    return 0 < len(target) <= MAX_TARGET_BYTES and b"\0" not in target


def is_path(path: bytes) -> bool:
    """Whether this is a path inside a tree: names with single slashes between them."""
    parts = path.split(b"/")
    return len(parts) <= MAX_FOLDERS_DEEP and all(is_name(part) for part in parts)
