"""One walk over a project or a part of it: what was seen, and what of it is new."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_remote_gpu.chunks.manifest import Piece
from jupyter_remote_gpu.chunks.tree import (
    FOLDER,
    MAX_FOLDERS_DEEP,
    Entry,
    FileEntry,
    LinkEntry,
    is_name,
)
from jupyter_remote_gpu.errors import UnreadableError
from jupyter_remote_gpu.protocol.steps import Step, Told

from . import rules, secrets
from .ahead import LARGE_BYTES, Ahead, Asked
from .folders import Folder
from .ignore import NAMES, Ignore, Level
from .index import Index, Known
from .measure import Measure
from .placeholders import REASON, is_placeholder, stands_for
from .reading import Reading, read_file
from .renamed import Renamed
from .stamp import Stamp, stamp_of
from .verdict import LeftOut, Why

_TOLD_EVERY_BYTES = 32 << 20
_UTF8 = sys.getfilesystemencoding() == "utf-8" and os.name != "nt"
_CAN_RUN = os.name != "nt"
_NO_STAMP: Stamp = (0, 0, 0, 0, 0)


@dataclass(slots=True)
class Found:
    """What a look at the project found.

    `changed` has the entries that differ from the look before, by path (None:
    gone, or left out from now on). `left_out` has all that does not travel,
    `tokens` what travels with a token written into it, by kind; `unsteady` the
    files that changed all the time while they were read. `everything` is
    whether all of the project was looked at.
    """

    changed: dict[bytes, Entry | None] = field(default_factory=dict)
    left_out: dict[bytes, LeftOut] = field(default_factory=dict)
    tokens: dict[bytes, str] = field(default_factory=dict)
    unsteady: list[bytes] = field(default_factory=list)
    read_bytes: int = 0
    everything: bool = True


@dataclass(frozen=True, slots=True)
class Names:
    """What lay in a folder, by the names that the system gave: the paths, and the ignore files."""

    paths: Mapping[str | bytes, bytes]
    ignoring: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Before:
    """What is known from the looks before. The index is brought up to date by the walk."""

    index: Index
    left_out: Mapping[bytes, LeftOut]
    levels: Mapping[bytes, Level]
    names: Mapping[bytes, Names]


class Look:
    """One walk, ended by `finish` and `close`, or by `close` alone once there was too much
    for `measure`: then it only counts.

    `levels` has the rules of every folder it came by, `names` what lay in it, `read`
    the files that it read, and `moved` the ones that had another path before.
    """

    def __init__(
        self,
        before: Before,
        rules_of: Ignore,
        told: Told | None,
        measure: Measure | None = None,
    ) -> None:
        self.found = Found()
        self.levels: dict[bytes, Level] = {}
        self.names: dict[bytes, Names] = {}
        self.read: set[bytes] = set()
        self.moved: dict[bytes, bytes] = {}
        self._before = before
        self._renamed = Renamed(before.index, before.levels, rules_of)
        self._known = before.index.known
        self._unsaved = before.index.unsaved
        self._ignore = rules_of
        self._told = told
        self._told_at = 0
        self._measure = measure
        self._seen: set[bytes] = set()
        self._unseen: list[bytes] = []
        self._ahead = Ahead(self._tell)

    def folder(self, here: Folder, prefix: bytes, level: Level) -> None:
        """Walk an open folder; `prefix` is its path with a slash, or empty."""
        entries = here.entries()
        path = prefix[:-1]
        if self._is_as_before(here, entries, path, level):
            return
        bare = {entry.name: _encoded(entry.name) for entry in entries}
        said = rules.marked(frozenset(bare.values())) if prefix else None
        if said is not None:
            self._leave(LeftOut(path, *said, is_folder=True))
            return
        if path not in self._known and _holds_only_data(here, entries):
            # it was made for the links to data: an empty folder would be all that travels
            self._leave(LeftOut(path, Why.DATASET, "holds datasets alone", is_folder=True))
            return
        ignoring = NAMES.intersection(bare.values())
        names = Names({name: prefix + encoded for name, encoded in bare.items()}, ignoring)
        own = self._level(here, prefix, level, ignoring)
        self._came_by(path, own, names)
        # What travelled under the same rules and has the same stamp needs no further look.
        same_rules = self._before.levels.get(path) is own
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            full = names.paths[entry.name]
            if same_rules:
                old = self._known.get(full)
                if old is not None and old.settled and old.looked and old.stamp == stamp_of(status):
                    self._seen.add(full)
                    continue
            self.entry(here, prefix, bare[entry.name], status, own, same_rules=same_rules)

    def _is_as_before(
        self,
        here: Folder,
        entries: Sequence[os.DirEntry[str]] | Sequence[os.DirEntry[bytes]],
        path: bytes,
        level: Level,
    ) -> bool:
        """Deal with a folder that has the same names and rules as before; False if it has not.

        What `folder` does, for nearly all folders of nearly all walks, in fewer steps.
        """
        names = self._before.names.get(path)
        if names is None or len(names.paths) != len(entries):
            return False
        prefix = path + b"/" if path else b""
        own = self._level(here, prefix, level, names.ignoring)
        if self._before.levels.get(path) is not own:
            return False
        paths, known = names.paths, self._known
        rest = []
        for entry in entries:
            full = paths.get(entry.name)
            if full is None:
                return False
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                return False
            old = known.get(full)
            if old is None or not (old.settled and old.looked) or old.stamp != stamp_of(status):
                rest.append((full, status))
        self._came_by(path, own, names)
        self._seen.update(paths.values())
        self._seen.difference_update([full for full, _ in rest])
        for full, status in rest:
            self.entry(here, prefix, full[len(prefix) :], status, own, same_rules=True)
        return True

    def _came_by(self, path: bytes, level: Level, names: Names) -> None:
        if path:
            self._take(path, FOLDER, _NO_STAMP, settled=True)
        self.levels[path] = level
        self.names[path] = names

    def _level(self, here: Folder, prefix: bytes, parent: Level, names: Iterable[bytes]) -> Level:
        stamps = {name: stamp_of(s) for name in names if (s := here.stat(name)) is not None}
        return self._ignore.below(parent, prefix, stamps)

    def entry(
        self,
        here: Folder,
        prefix: bytes,
        name: bytes,
        status: os.stat_result,
        level: Level,
        *,
        same_rules: bool = False,
    ) -> None:
        """Look at one entry of an open folder, and at what lies in it."""
        path = prefix + name
        absent = stands_for(name)
        if absent is not None:
            self._cannot(prefix + absent, REASON, is_folder=False)
        mode = status.st_mode
        is_folder = stat.S_ISDIR(mode)
        left = self._left_out(level, path, is_folder=is_folder, same_rules=same_rules)
        if left is None and not (is_folder or stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            left = LeftOut(path, Why.SPECIAL, "a socket, a pipe or a device")
        if left is None and (not is_name(name) or path.count(b"/") >= MAX_FOLDERS_DEEP):
            left = LeftOut(
                path, Why.SPECIAL, "its name is too long, or it lies too deep", is_folder
            )
        if left is not None:
            self._leave(left)
            return
        try:
            if is_folder:
                with here.below(name) as lower:
                    self.folder(lower, path + b"/", level)
            elif stat.S_ISLNK(mode):
                target = os.fsencode(os.readlink(here.name(name), dir_fd=here.number))
                if rules.is_placed_data(target):
                    self._leave(LeftOut(path, Why.DATASET, os.fsdecode(path)))
                else:
                    self._take(path, LinkEntry(target), stamp_of(status), settled=False)
            else:
                self._file(here, name, path, status, level)
        except FileNotFoundError:
            return  # gone since it was listed
        except OSError as error:
            self._cannot(path, str(error.strerror), is_folder=is_folder)
        except UnreadableError as error:
            self._cannot(path, error.message, is_folder=False)

    def _left_out(
        self, level: Level, path: bytes, *, is_folder: bool, same_rules: bool
    ) -> LeftOut | None:
        if same_rules:
            old = self._before.left_out.get(path)
            if old is not None and old.is_folder == is_folder and old.why in _BY_NAME:
                return old
            known = self._known.get(path)
            if known is not None and known.looked and (known.entry is FOLDER) == is_folder:
                return None
        return self._ignore.look(level, path, is_folder=is_folder)

    def _file(
        self, here: Folder, name: bytes, path: bytes, status: os.stat_result, level: Level
    ) -> None:
        known = self._known.get(path)
        left = self._ignore.too_large(level, path, status.st_size)
        if left is not None:
            self._leave(left)
            return
        if known is not None and known.settled and known.stamp == stamp_of(status):
            if not known.looked:
                known.looked = True
                self._unsaved.add(path)
            self._seen.add(path)
            return
        if is_placeholder(status):
            self._cannot(path, REASON, is_folder=False)
            return
        if self._measure is not None and not self._measure.counts(path, status.st_size):
            return
        stamp = stamp_of(status)
        old = self._renamed.from_path(name, stamp) if known is None else None
        if old is not None:
            self.moved[path] = old
            self._take(path, self._renamed.entry(old), stamp, settled=True)
            return
        if stamp[0] > LARGE_BYTES:
            self._seen.add(path)
            self._ahead.read(here, name, path, stamp, self._pieces_of(known))
            self._take_read(last=False)
        else:
            self._read(path, read_file(here, name, stamp), level)

    def _pieces_of(self, known: Known | None) -> Sequence[Piece]:
        """Return the chunks that a file had, if it was read before."""
        if known is None or type(known.entry) is not FileEntry:
            return ()
        return self._before.index.pieces.get(known.entry.content.name, ())

    def _take_read(self, *, last: bool) -> None:
        """Take in large files that were read meanwhile; with `last`, all that there are."""
        while (asked := self._ahead.next(last=last)) is not None:
            self._take_one(asked)

    def _take_one(self, asked: Asked) -> None:
        try:
            self._read(asked.path, asked.result.result(), None)
        except FileNotFoundError:
            self._seen.discard(asked.path)
        except UnreadableError as error:
            self._seen.discard(asked.path)
            self._cannot(asked.path, error.message, is_folder=False)

    def _read(self, path: bytes, reading: Reading, level: Level | None) -> None:
        """Take in what a file held; `level` is None if it is too large to be looked into."""
        self.read.add(path)
        self._tell_read(reading.content.size)
        if reading.small is not None and level and not self._ignore.asked_for(level, path):
            looks = secrets.look(path, reading.small)
            if looks.secret is not None:
                self._seen.discard(path)
                self._leave(LeftOut(path, Why.SECRET, looks.secret))
                return
            if looks.token is not None:
                self.found.tokens[path] = looks.token
        if reading.content.depth:
            self._before.index.pieces[reading.content.name] = reading.pieces
        if not reading.whole:
            self.found.unsteady.append(path)
        executable = _CAN_RUN and bool(reading.stamp[4] & stat.S_IXUSR)
        entry = FileEntry(reading.content, executable)
        self._take(path, entry, reading.stamp, settled=reading.settled)

    def _take(self, path: bytes, entry: Entry, stamp: Stamp, *, settled: bool) -> None:
        self._seen.add(path)
        old = self._known.get(path)
        if old is None or old.entry != entry:
            self.found.changed[path] = entry
        elif old.stamp == stamp and old.settled == settled and old.looked:
            return
        self._known[path] = Known(entry, stamp, settled)
        self._unsaved.add(path)

    def _leave(self, left: LeftOut) -> None:
        self.found.left_out[left.path] = left

    def _cannot(self, path: bytes, reason: str, *, is_folder: bool) -> None:
        self._unseen.append(path)
        self._leave(LeftOut(path, Why.UNREADABLE, reason, is_folder))

    def _tell_read(self, size: int) -> None:
        self.found.read_bytes += size
        self._tell(0)

    def _tell(self, more: int) -> None:
        """Say how much was read, with `more` of files that are not finished."""
        read = self.found.read_bytes + more
        if self._told is not None and read - self._told_at >= _TOLD_EVERY_BYTES:
            self._told_at = read
            self._told(Step("reading the project's files", read))

    def finish(self, known: Iterable[bytes]) -> None:
        """Wait for large files; of `known`, take for gone what was not seen and could have been.

        Blocks while they are read.
        """
        self._take_read(last=True)
        for path in [path for path in known if path not in self._seen]:
            if not self._is_unseen(path):
                del self._known[path]
                self._unsaved.add(path)
                self.found.changed[path] = None

    def close(self) -> None:
        """Let go of what is still being read; more than once is no error."""
        self._ahead.close()

    def _is_unseen(self, path: bytes) -> bool:
        return any(path == above or path.startswith(above + b"/") for above in self._unseen)


def _encoded(name: str | bytes) -> bytes:
    """Do what `os.fsencode` does, for the many names of a walk."""
    if isinstance(name, bytes):
        return name
    return name.encode("utf-8", "surrogateescape") if _UTF8 else os.fsencode(name)


_BY_NAME = frozenset({Why.OWN, Why.GIT, Why.IGNORED, Why.CACHE, Why.OTHER_VERSION})
"""What the same rules say again without looking into anything. (Folders are looked into for marks,
files for secrets.)"""


def _holds_only_data(
    here: Folder, entries: Sequence[os.DirEntry[str]] | Sequence[os.DirEntry[bytes]]
) -> bool:
    """Whether a folder has links to placed datasets, and nothing else."""
    try:
        return bool(entries) and all(
            entry.is_symlink()
            and rules.is_placed_data(
                os.fsencode(os.readlink(here.name(_encoded(entry.name)), dir_fd=here.number))
            )
            for entry in entries
        )
    except OSError:
        return False  # it changes in this moment: it is looked at entry by entry
