"""The files of one workspace: how they are, what of them a client lacks, and how they change.

    BASE/workspaces/NAME/project/          the files
    BASE/workspaces/NAME/project.index     what was found in them, so that nothing is read twice
    BASE/store/                            chunks of all workspaces

The agent keeps the trees that it told of lately. A client names one of them as
what it knows, and is told what differs; whoever names another one looks anew.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_remote_gpu.chunks.listing import Get, Listed, names_of_nodes
from jupyter_remote_gpu.chunks.manifest import Content, chunk_names
from jupyter_remote_gpu.chunks.tree import Encoded, Entry, FileEntry, changes, encode, revise
from jupyter_remote_gpu.errors import LackingError, ProjectChangedError
from jupyter_remote_gpu.files import rules
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.held import HeldChunks
from jupyter_remote_gpu.files.ignore import Ignore, Level
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.staging import Change, repair
from jupyter_remote_gpu.files.verdict import LeftOut, Why
from jupyter_remote_gpu.files.watch import Watcher, is_another, watch

from .arrivals import Arrivals

TREES_KEPT = 8
MOST_LIST_BYTES = 1 << 30
OTHER_SIDE = "notebook"


@dataclass(frozen=True, slots=True)
class TreeAnswer:
    """How the files are: the root, and by name the nodes and chunks that the asker lacks."""

    root: Listed
    based: bool
    chunks: Mapping[bytes, bytes]
    refused: Mapping[bytes, str] = field(default_factory=dict)


class ProjectThere:
    """The files of one workspace. Any thread; one at a time is in it. Blocks on the disk."""

    def __init__(self, folder: Path, arrivals: Arrivals) -> None:
        self.root = folder / "project"
        self._index_file = index_file(folder)
        self._arrivals = arrivals
        self._expected: set[bytes] = set()
        self._lock = threading.RLock()
        self._files: Project | None = None
        self._watcher: Watcher | None = None
        self._watched: os.stat_result | None = None
        self._unsure = False
        self._now: Encoded = encode({})
        self._known: OrderedDict[Listed, Encoded] = OrderedDict()
        self._held: HeldChunks | None = None

    # -- looking --------------------------------------------------------------------------------

    def look(self, base: Listed | None, most_bytes: int, *, fresh: bool = False) -> TreeAnswer:
        """Return how the files are now, for one who knows `base`; see `LookProject`."""
        with self._lock:
            self._look(fresh=fresh)
            return self._answer(base, most_bytes)

    def now(self) -> Listed:
        """Return the tree as it is now, by name."""
        with self._lock:
            self._look()
            return self._now.root

    def unchanged(self) -> Listed | None:
        """Return the tree by name if nothing has changed since the last look; None if unsure.

        Never waits, for the disk or for others: for the end of each run, in the agent's loop.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            sure = self._watcher is not None and self._watcher.quiet and not self._unsure
            same = sure and not is_another(self.root, self._watched)
            return self._now.root if same else None
        except OSError:
            return None  # the folder is gone, which a look finds out
        finally:
            self._lock.release()

    def find(self, wanted: Sequence[bytes]) -> TreeAnswer:
        """Return the tree of what these paths, folders and patterns name; see `FindProject`."""
        with self._lock:
            self._look()
            index = self._open().index
            named = Project(
                self.root,
                lambda: _Named(self.root, wanted),
                Index(dict(index.known), dict(index.pieces)),
            )
            named.scan()
            tree = named.index.tree()
            fit = _with_parents(path for path in tree if any(_fits(path, one) for one in wanted))
            found = encode({path: entry for path, entry in tree.items() if path in fit})
            self._let_go()
            self._held = HeldChunks(
                self.root,
                Index({**index.known, **named.index.known}, {**index.pieces, **named.index.pieces}),
            )
            return TreeAnswer(found.root, False, found.nodes)

    def _open(self) -> Project:
        """Return the project, its index and its watcher made ready the first time."""
        if self._files is None:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            repair(self.root, OTHER_SIDE)
            self._files = Project(
                self.root,
                lambda: Ignore(self.root, sending=False, large_bytes=None),
                Index.load(self._index_file),
            )
            # what an earlier agent told of last
            self._now = encode(self._files.index.tree())
            self._keep(self._now)
            self._watcher, self._watched = watch(self.root), self.root.stat()
        return self._files

    def _look(self, *, fresh: bool = False) -> None:
        files = self._open()
        assert self._watcher is not None
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if is_another(self.root, self._watched):
            # somebody removed it: what watched it watches nothing any more
            self._watcher.close()
            self._watcher, self._watched = watch(self.root), self.root.stat()
        paths = self._watcher.changed()
        fresh, self._unsure = fresh or self._unsure or paths is None, True
        found = files.scan() if fresh or paths is None else files.look_at(paths)
        self._unsure = False  # a look that fails is made up for by one at everything
        if found.changed:
            self._take(found.changed)

    def _take(self, changed: Mapping[bytes, Entry | None]) -> None:
        """Let the tree be what the index says, which differs in these paths from before."""
        self._now = revise(self._now, changed)
        self._keep(self._now)
        assert self._files is not None
        if self._held is not None and self._held.index is self._files.index:
            self._held.follow(changed)
        else:
            self._let_go()
        with contextlib.suppress(OSError):  # without it the next agent reads all files again
            self._files.index.save(self._index_file)

    def _keep(self, tree: Encoded) -> None:
        self._known[tree.root] = tree
        self._known.move_to_end(tree.root)
        while len(self._known) > TREES_KEPT:
            self._known.popitem(last=False)

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _answer(self, base: Listed | None, most_bytes: int = 0) -> TreeAnswer:
        self._keep(self._now)
        was = None if base is None else self._known.get(base)
        nodes = self._now.nodes
        if was is None:
            return TreeAnswer(self._now.root, False, nodes)
        self._keep(was)
        new = {name: node for name, node in nodes.items() if name not in was.nodes}
        if most_bytes and new:
            new.update(self._along(was, most_bytes))
        return TreeAnswer(self._now.root, True, new)

    def _along(self, was: Encoded, most_bytes: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield chunks of files that differ from `was`, the smallest files first."""
        differing = changes(was.root, self._now.root, _from((was.nodes, self._now.nodes)))
        files = [after for _, before, after in differing if isinstance(after, FileEntry)]
        left = most_bytes
        for entry in sorted(files, key=lambda entry: entry.content.size):
            left -= entry.content.size
            if left < 0:
                return
            with contextlib.suppress(LackingError):  # changed again: it is asked for later
                yield from self._whole(entry.content)

    def _whole(self, content: Content) -> list[tuple[bytes, bytes]]:
        """Return the nodes and chunks of a file."""
        get = self._get()
        nodes = _list_nodes(content, get)
        return [(name, get(name)) for name in (*nodes, *chunk_names([content], get))]

    # -- chunks ---------------------------------------------------------------------------------

    def _get(self) -> Get:
        if self._held is None:
            self._held = HeldChunks(self.root, self._open().index)
        return self._arrivals.before(self._held.or_from(self._arrivals.get))

    @property
    def expects_more(self) -> bool:
        """Whether chunks that `lacking` was asked for lie in no file yet."""
        return bool(self._expected)

    def expect_no_more(self) -> None:
        """Expect nothing more: who sent these files does something else. Waits for nobody."""
        self._expected = set()

    def lacking(self, names: Sequence[bytes]) -> list[bytes]:
        """Return those of these chunks that are neither in the files nor in the store."""
        with self._lock:
            self._expected = set(names)
            self._get()
            assert self._held is not None
            inside = self._held.having(names)
            left = [name for name in names if name not in inside]
            stored = self._arrivals.having(left)
            return [name for name in left if name not in stored]

    def give(self, names: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return those of these chunks and nodes that are here."""
        found = {}
        with self._lock:
            get = self._get()
            for name in names:
                with contextlib.suppress(LackingError):
                    found[name] = get(name)
        return found

    def give_lists(self, lists: Iterable[tuple[bytes, int]]) -> dict[bytes, bytes]:
        """Return the nodes of these files' lists, of those that are here whole."""
        found: dict[bytes, bytes] = {}
        with self._lock:
            get = self._get()
            for name, depth in lists:
                with contextlib.suppress(LackingError):
                    names = names_of_nodes(Listed(name, depth), get, MOST_LIST_BYTES)
                    found.update((node, get(node)) for node in names)
        return found

    # -- changing -------------------------------------------------------------------------------

    def change(
        self,
        base: Listed,
        root: Listed,
        arrived: Mapping[bytes, bytes],
        who: str,
        *,
        untouched: bool = False,
    ) -> TreeAnswer:
        """Make the files what `root` says where it differs from `base`; see `ChangeProject`.

        With `untouched` nothing is done, and ProjectChangedError raised, if what
        lies there is not `base` in what this touches or needs (`RunWith`).
        """
        with self._lock:
            self._look()
            if untouched and self._now.root == root:
                return self._answer(base)
            was = self._known.get(base)
            if was is None:
                raise ProjectChangedError("the files on the machine are not what was last seen")
            get = _from((arrived, was.nodes, self._now.nodes), self._get())
            wanted = [Change(*change) for change in changes(base, root, get)]
            if untouched:
                self._require(was, {change.path for change in wanted})
            refused: dict[bytes, str] = {}
            if wanted:
                refused = self._apply(wanted, get, who, untouched=untouched)
            answer = self._answer(root if self._now.root == root else base)
            return TreeAnswer(answer.root, answer.based, answer.chunks, refused)

    def _require(self, was: Encoded, touched: set[bytes]) -> None:
        """Raise ProjectChangedError if something of `was` is gone, or changed and `touched`."""
        now = self._now
        if now.root == was.root:
            return
        for path, _, after in changes(was.root, now.root, _from((was.nodes, now.nodes))):
            if after is None or path in touched:
                raise ProjectChangedError(
                    f"{os.fsdecode(path)} was changed on the machine meanwhile"
                )

    def _apply(
        self, wanted: Sequence[Change], get: Get, who: str, *, untouched: bool
    ) -> dict[bytes, str]:
        files = self._open()
        try:
            applied = Applier(self.root, files.index, get, who=who).apply(wanted)
        except LackingError as error:
            if not untouched:
                raise
            raise ProjectChangedError(f"{error.message}, and is sent once more") from error
        self._take(applied.done)
        placed = set(self._chunks_of(applied.done.values()))
        self._arrivals.placed(placed)
        self._expected -= placed
        if applied.conflicts or applied.refused:
            # what lies there is told as it is, the other versions too
            self._look()
            if untouched:
                raise ProjectChangedError("files were changed on the machine in this moment")
        return applied.refused

    def _chunks_of(self, entries: Iterable[Entry | None]) -> Iterator[bytes]:
        """Yield the names of the chunks that these files are made of."""
        for entry in entries:
            if isinstance(entry, FileEntry):
                yield entry.content.name
                for piece in self._open().index.pieces.get(entry.content.name, ()):
                    yield piece.name

    def close(self) -> None:
        """Stop watching."""
        with self._lock:
            self._let_go()
            if self._watcher is not None:
                self._watcher.close()
            self._files = self._watcher = None


def index_file(folder: Path) -> Path:
    """Return where a workspace's index lies: it is there once somebody has synced its files."""
    return folder / "project.index"


class _Named(Ignore):
    """Lets through what somebody has named, and the folders on the way to it; nothing else."""

    def __init__(self, root: Path, wanted: Sequence[bytes]) -> None:
        super().__init__(root, sending=False, large_bytes=None)
        self._named = wanted
        self._starts = [_before_wildcards(one.strip(b"/")) for one in wanted]

    def look(self, level: Level, path: bytes, *, is_folder: bool) -> LeftOut | None:
        """See `Ignore`."""
        said = rules.always_out(path, is_folder=is_folder)
        if said is not None:
            return LeftOut(path, *said, is_folder)
        inside = path + b"/"
        if any(_fits(path, one) for one in self._named) or (
            is_folder and any(s.startswith(inside) or inside.startswith(s) for s in self._starts)
        ):
            return None
        return LeftOut(path, Why.IGNORED, "not asked for", is_folder)

    def asked_for(self, level: Level, path: bytes) -> bool:
        """See `Ignore`: whatever a file holds."""
        return True


def _before_wildcards(pattern: bytes) -> bytes:
    """Return the folders that a pattern names without a wildcard, with a slash; or a whole path."""
    plain = re.split(rb"[*?\[]", pattern, maxsplit=1)[0]
    return pattern if plain == pattern else plain.rpartition(b"/")[0] + b"/" * (b"/" in plain)


def _not_here(name: bytes) -> bytes:
    raise LackingError("a part of the project's tree is not here")


def _from(mappings: Sequence[Mapping[bytes, bytes]], otherwise: Get = _not_here) -> Get:
    def get(name: bytes) -> bytes:
        for mapping in mappings:
            if name in mapping:
                return mapping[name]
        return otherwise(name)

    return get


def _list_nodes(content: Content, get: Get) -> list[bytes]:
    if not content.depth:
        return []
    return names_of_nodes(Listed(content.name, content.depth - 1), get, MOST_LIST_BYTES)


def _fits(path: bytes, wanted: bytes) -> bool:
    """Whether a path is what is wanted, lies in it, or matches it as a pattern."""
    plain = wanted.strip(b"/")
    return (
        plain in (b"", b".", path)
        or path.startswith(plain + b"/")
        or fnmatch.fnmatchcase(path, plain)
    )


def _with_parents(paths: Iterable[bytes]) -> set[bytes]:
    found = set(paths)
    for path in list(found):
        while (path := path.rpartition(b"/")[0]) and path not in found:
            found.add(path)
    return found
