"""Where a change of a tree is made ready before any of it is seen: a folder in the tree itself.

    .~rgpu-<random>/plan    what is to be done, locked as long as its process lives
    .~rgpu-<random>/<n>     the new file or link of change n, complete or still write-only
                            afterwards what lay in its place, until it was looked at
    .~rgpu-<random>/tree-<n>  the new folder of change n, with what comes in it; all of it ours

Being in the tree it is on its file system, so that files move by renaming. A
process that is killed leaves the folder; `repair` takes it apart. Only what is
provably ours, or known to be elsewhere, is removed: anything else goes back.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.chunks.manifest import Content
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry, is_path
from jupyter_remote_gpu.errors import FilesError, ProtocolError

from .entries import entry_at, same_bytes
from .folders import Folder
from .rules import OTHER_VERSION, TEMPORARY
from .swap import move_new

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PLAN = b"plan"
PROBE = TEMPORARY + b"case-"
"""How the names of the empty files begin by which a file system is tried (`paths`)."""
UNFINISHED_MODE = 0o200
"""The rights of a staged file until all of it is written."""
_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that is to become another: what is taken to be there, and what shall be."""

    path: bytes
    before: Entry | None
    after: Entry | None


class Staging:
    """The folder of one application. `number(n)` names what belongs to change n."""

    def __init__(self, root: Folder, changes: Sequence[Change]) -> None:
        self._root = root
        self.name = TEMPORARY + secrets.token_hex(6).encode()
        os.mkdir(root.name(self.name), 0o700, dir_fd=root.number)
        self.folder = root.below(self.name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._plan = os.open(self.folder.name(PLAN), flags, 0o600, dir_fd=self.folder.number)
        try:
            if fcntl is not None:
                fcntl.flock(self._plan, fcntl.LOCK_EX)
            data = json.dumps([_packed(change) for change in changes]).encode()
            while data:
                data = data[os.write(self._plan, data) :]
        except BaseException:
            self.discard()
            raise

    @staticmethod
    def number(n: int) -> bytes:
        """Return the name of what change n has in the folder."""
        return b"%d" % n

    @staticmethod
    def gone(n: int) -> bytes:
        """Return the name under which the folder has what change n took away."""
        return b"gone-%d" % n

    @staticmethod
    def tree(n: int) -> bytes:
        """Return the name of the folder that change n brings, with all that it holds."""
        return b"tree-%d" % n

    def default_mode(self) -> int:
        """Return the rights that a new file gets here."""
        folder = self.folder
        number = os.open(
            folder.name(b"rights"), os.O_WRONLY | os.O_CREAT, 0o666, dir_fd=folder.number
        )
        try:
            return stat.S_IMODE(os.fstat(number).st_mode)
        finally:
            os.close(number)

    def release(self) -> None:
        """Let go of the folder and leave it as it is, for `repair`."""
        self.folder.close()
        if self._plan >= 0:
            os.close(self._plan)
            self._plan = -1

    def discard(self) -> None:
        """Remove the folder with all it holds; whatever is not ours was put back before."""
        _remove_all(self._root, self.name, self.folder)
        self.release()


def repair(root: Path, who: str) -> list[bytes]:
    """Take apart what killed processes left in a tree; blocks on the disk.

    Returns the paths of files that had been taken out of their place and could
    not go back there: they lie beside it, under the name of another version.
    Called before a tree is looked at. What a living process is busy with stays.
    """
    kept: list[bytes] = []
    with Folder.at(root) as top:
        for entry in top.entries():
            name = os.fsencode(entry.name)
            if not name.startswith(TEMPORARY):
                continue
            if name.startswith(PROBE):
                os.unlink(top.name(name), dir_fd=top.number)
            elif entry.is_dir(follow_symlinks=False):
                with top.below(name) as folder, _locked(folder) as free:
                    if free:
                        kept += _take_apart(top, folder, who)
                        _remove_all(top, name, folder)
    return kept


@contextlib.contextmanager
def _locked(folder: Folder) -> Iterator[bool]:
    """Say whether nobody works in a staging folder, and see to it that nobody begins to."""
    try:
        number = os.open(folder.name(PLAN), os.O_RDWR, dir_fd=folder.number)
    except FileNotFoundError:
        yield True  # killed before it wrote its plan
        return
    try:
        if fcntl is not None:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(number)


def _take_apart(root: Folder, folder: Folder, who: str) -> list[bytes]:
    kept = []
    for n, change in enumerate(_plan_of(folder)):
        for name in (Staging.number(n), Staging.gone(n)):
            status = folder.stat(name)
            if status is None or stat.S_IMODE(status.st_mode) == UNFINISHED_MODE:
                continue
            there = entry_at(folder, name)
            if not any(same_bytes(there, ours) for ours in (None, change.before, change.after)):
                # Somebody's change that was taken out of its place the moment we were killed.
                kept.append(put_back(root, folder, name, change.path, who))
    return kept


def _plan_of(folder: Folder) -> list[Change]:
    """Return the plan; one that is unfinished means that nothing was done yet."""
    try:
        number = os.open(folder.name(PLAN), os.O_RDONLY, dir_fd=folder.number)
    except FileNotFoundError:
        return []
    with open(number, "rb") as file:
        data = file.read()
    try:
        return [_unpacked(item) for item in json.loads(data)]
    except (ValueError, TypeError, KeyError, IndexError, ProtocolError):
        return []


def put_back(root: Folder, folder: Folder, name: bytes, path: bytes, who: str) -> bytes:
    """Move a staged entry to `path`, or beside it under the name of another version.

    Returns where it lies now. Folders on the way that are gone are made again.
    """
    parent, _, last = path.rpartition(b"/")
    with made(root, parent) as there:
        for candidate in (last, *other_names(last, who)):
            try:
                move_new(folder, name, there, candidate)
            except FileExistsError:
                continue
            return (parent + b"/" if parent else b"") + candidate
    raise FilesError(f"there are too many other versions of {os.fsdecode(path)}")


def made(root: Folder, path: bytes) -> Folder:
    """Open a folder of a tree, making what is missing of the way; raises OSError at a link."""
    here = root.again()
    for name in path.split(b"/") if path else ():
        try:
            lower = _below(here, name)
        finally:
            here.close()
        here = lower
    return here


def _below(folder: Folder, name: bytes) -> Folder:
    """Open a folder in this one; made, if it is not there."""
    with contextlib.suppress(FileNotFoundError):
        return folder.below(name)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder.name(name), dir_fd=folder.number)
    return folder.below(name)


def other_names(name: bytes, who: str) -> Iterator[bytes]:
    """Yield names for another version of a file: `train.kept-from-box.py`, `…-box-2.py`."""
    stem, dot, suffix = name.rpartition(b".")
    if not stem:
        stem, dot, suffix = name, b"", b""
    label = os.fsencode("".join(c if c.isalnum() or c in "-_" else "-" for c in who) or "other")
    for number in range(1, _TRIES):
        again = b"-%d" % number if number > 1 else b""
        end = OTHER_VERSION + label[:40] + again + dot + suffix
        yield stem[: 255 - len(end)] + end


def _remove_all(root: Folder, name: bytes, folder: Folder) -> None:
    for entry in folder.entries():
        inside = os.fsencode(entry.name)
        if entry.is_dir(follow_symlinks=False):
            _remove_all(folder, inside, folder.below(inside))
        else:
            os.unlink(folder.name(inside), dir_fd=folder.number)
    folder.close()
    os.rmdir(root.name(name), dir_fd=root.number)


def _packed(change: Change) -> list[Any]:
    path = base64.b64encode(change.path).decode()
    return [path, _entry_out(change.before), _entry_out(change.after)]


def _unpacked(item: list[Any]) -> Change:
    path = base64.b64decode(item[0])
    if not is_path(path):
        raise ValueError
    return Change(path, _entry_in(item[1]), _entry_in(item[2]))


def _entry_out(entry: Entry | None) -> list[Any] | None:
    if entry is None:
        return None
    if isinstance(entry, FileEntry):
        content = entry.content
        return ["file", content.size, content.name.hex(), content.depth, entry.executable]
    if isinstance(entry, LinkEntry):
        return ["link", base64.b64encode(entry.target).decode()]
    return ["folder"]


def _entry_in(item: list[Any] | None) -> Entry | None:
    if item is None:
        return None
    if item[0] == "file":
        return FileEntry(Content(item[1], bytes.fromhex(item[2]), item[3]), item[4])
    return LinkEntry(base64.b64decode(item[1])) if item[0] == "link" else FOLDER
