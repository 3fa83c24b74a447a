"""Trees for tests: files written, read back, and as entries with their chunks."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Mapping
from pathlib import Path

from jupyter_remote_gpu.chunks.content import cut_content
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import Piece, content_of
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry
from jupyter_remote_gpu.errors import LackingError
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.placing import Applied
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.staging import Change

Plain = Mapping[str, str | bytes | None]
"""Files by path: text or bytes, None for a folder; "-> x" is a link, "#!" begins a program."""


class Chunks:
    """Chunks and nodes in memory, filled by making entries."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.asked: list[bytes] = []

    def get(self, name: bytes) -> bytes:
        """Give a chunk."""
        self.asked.append(name)
        if name not in self.held:
            raise LackingError("it was never put here")
        return self.held[name]

    def entry(self, text: str | bytes | None) -> Entry:
        """Make the entry of one file, folder or link."""
        if text is None:
            return FOLDER
        if isinstance(text, str) and text.startswith("-> "):
            return LinkEntry(os.fsencode(text[3:]))
        data = text.encode() if isinstance(text, str) else text
        pieces = []
        start = 0
        for length in cut_content(data):
            chunk = data[start : start + length]
            self.held[name_of(chunk)] = chunk
            pieces.append(Piece(name_of(chunk), length))
            start += length
        content, nodes = content_of(pieces)
        self.held.update(nodes)
        return FileEntry(content, data.startswith(b"#!"))

    def tree(self, files: Plain) -> dict[bytes, Entry]:
        """Make a tree, with the folders its paths need."""
        tree: dict[bytes, Entry] = {}
        for name, text in files.items():
            path = os.fsencode(name)
            for i, char in enumerate(path):
                if char == ord("/"):
                    tree[path[:i]] = FOLDER
            tree[path] = self.entry(text)
        return tree


def changes(before: Mapping[bytes, Entry], after: Mapping[bytes, Entry]) -> list[Change]:
    """Return what makes one tree the other."""
    return [
        Change(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def write(root: Path, files: Plain) -> None:
    """Write files as a user would."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir(exist_ok=True)
        elif isinstance(text, str) and text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_bytes(text.encode() if isinstance(text, str) else text)
            if path.read_bytes().startswith(b"#!"):
                path.chmod(0o755)


def read(root: Path) -> dict[str, str | bytes | None]:
    """Return all that lies in a folder, in the form of `Plain`; bytes where it is no text."""
    found: dict[str, str | bytes | None] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif stat.S_ISDIR(path.lstat().st_mode):
            found[name] = None
        else:
            data = path.read_bytes()
            try:
                found[name] = data.decode()
            except UnicodeDecodeError:
                found[name] = data
    return found


def with_folders(files: Plain) -> dict[str, str | bytes | None]:
    """Return the files with the folders that their paths need."""
    found: dict[str, str | bytes | None] = {}
    for name, text in files.items():
        for parent in list(Path(name).parents)[:-1]:
            found[parent.as_posix()] = None
        found[name] = text
    return found


class Place:
    """A folder as one side of a sync has it: its files, its index, its chunks."""

    def __init__(self, root: Path, files: Plain) -> None:
        root.mkdir(parents=True, exist_ok=True)
        write(root, files)
        self.root = root
        self.chunks = Chunks()
        self.tree = self.chunks.tree(files)
        self.index = Index()
        self.project = Project(root, lambda: Ignore(root), self.index)
        self.project.scan()

    def become(self, files: Plain, *, who: str = "box", durable: bool = False) -> Applied:
        """Apply what makes the tree this one, from what it was at first."""
        after = self.chunks.tree(files)
        wanted = changes(self.tree, after)
        applier = Applier(self.root, self.index, self.chunks.get, who=who, durable=durable)
        return applier.apply(wanted)


def change_somewhere(rnd: random.Random, root: Path, text: str) -> None:
    """Make, change or remove a file, or make a folder, anywhere below `root`."""
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    folder = rnd.choice(folders)
    path = folder / rnd.choice(["a", "b", "c"])
    if rnd.random() < 0.2 and not (folder / "d").exists():
        (folder / "d").mkdir()
    elif path.exists() and rnd.random() < 0.3:
        path.unlink()
    else:
        path.write_text(text)
