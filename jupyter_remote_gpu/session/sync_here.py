"""The files of a project on this computer: what changed since the last look, and their chunks.

STATE/<project>/index        what was found in the files, so that nothing is read twice
STATE/<project>/wanted       paths that the user lets travel although they are large
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from jupyter_remote_gpu.chunks.tree import Entry
from jupyter_remote_gpu.files.held import HeldChunks
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.measure import Measure
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.staging import repair
from jupyter_remote_gpu.files.verdict import LeftOut
from jupyter_remote_gpu.files.watch import Watcher, is_another, watch
from jupyter_remote_gpu.protocol.steps import Told


class Here:
    """One project's files. Used by one thread at a time; blocks on the disk.

    `tree` is what travels of them, as of the last look. `machine` names who the
    other versions come from that a killed process left behind.
    """

    def __init__(self, root: Path, state: Path, machine: str) -> None:
        self.root = root
        self.tree: dict[bytes, Entry] = {}
        self.unsteady: frozenset[bytes] = frozenset()
        mark = hashlib.blake2b(os.fsencode(root), digest_size=8).hexdigest()
        self.folder = state / mark
        self._machine = machine
        self._files: Project | None = None
        self._watcher: Watcher | None = None
        self._watched: os.stat_result | None = None
        self._held: HeldChunks | None = None
        self._unsaved = self._looked = self._whole = False

    def look(
        self, told: Told | None = None, *, fresh: bool = False, measure: Measure | None = None
    ) -> set[bytes]:
        """Look at what may have changed, or with `fresh` at everything; return what has.

        The first time in this process all folders are walked, what a killed one
        left is taken apart, and what was never seen is read. TooMuchError as `measure`
        says, which counts where everything is looked at.
        """
        if self._files is None:
            repair(self.root, self._machine)
            self._files = Project(self.root, self._rules, Index.load(self.folder / "index"))
            self._watcher, self._watched = watch(self.root), self.root.stat()
        if not self._whole:
            return self._look_at_all(self._files, told, measure)
        assert self._watcher is not None
        self._watch_again()
        if self._watcher.quiet and not (fresh or self.unsteady):
            return set()
        paths = self._watcher.changed()
        paths = None if paths is None or fresh else paths | self.unsteady
        self._whole = False
        if paths is None:
            found = self._files.scan(told, measure)
        else:
            found = self._files.look_at(paths, told, measure)
        self._whole = True
        self.unsteady = frozenset(found.unsteady)
        self._update(found.changed)
        return set(found.changed)

    def _look_at_all(
        self, files: Project, told: Told | None, measure: Measure | None
    ) -> set[bytes]:
        """Look for the first time, or after a look that failed or was stopped.

        What that one had read already is known, and no change any more: what differs is
        found by comparing trees.
        """
        before, first = self.tree, not self._looked
        if self._watcher is not None:
            self._watcher.changed()  # the next look is about what changes from now on
        found = files.scan(told, measure)
        now = files.index.tree()
        self._looked = self._whole = True
        self.unsteady = frozenset(found.unsteady)
        if first:
            # what is new to whoever asks is the whole of it
            self.tree = now
            self._unsaved = True
            return {*now, *found.changed}
        differing = {
            path: now.get(path)
            for path in before.keys() | now.keys()
            if before.get(path) != now.get(path)
        }
        self._update(differing)
        return set(differing)

    def _watch_again(self) -> None:
        """Watch the folder that is there now, if another one has taken its place."""
        with contextlib.suppress(OSError):  # gone, which the look tells
            if self._watcher is not None and is_another(self.root, self._watched):
                self._watcher.close()
                self._watcher, self._watched = watch(self.root), self.root.stat()

    def took(self, done: dict[bytes, Entry | None]) -> None:
        """Note what was just applied to the files."""
        self._update(done)

    def _update(self, changed: dict[bytes, Entry | None]) -> None:
        for path, entry in changed.items():
            if entry is None:
                self.tree.pop(path, None)
            else:
                self.tree[path] = entry
        if changed:
            self._unsaved = True
            if self._held is not None:
                self._held.follow(changed)

    @property
    def index(self) -> Index:
        """What is known of the files; `look` comes first."""
        assert self._files is not None, "a look comes first"
        return self._files.index

    @property
    def left_out(self) -> dict[bytes, LeftOut]:
        """What does not travel, and why, as of the last look."""
        return {} if self._files is None else self._files.left_out

    @property
    def tokens(self) -> dict[bytes, str]:
        """What travels with a token written into it, by kind."""
        return {} if self._files is None else self._files.tokens

    @property
    def held(self) -> HeldChunks:
        """The chunks of the files, as of the last look."""
        if self._held is None:
            self._held = HeldChunks(self.root, self.index)
        return self._held

    def save(self) -> None:
        """Remember what was found; without a place for that, the next process reads again."""
        if self._unsaved and self._files is not None:
            with contextlib.suppress(OSError):
                self._files.index.save(self.folder / "index")
                self._unsaved = False

    # -- what the user lets travel --------------------------------------------------------------

    def allowed(self) -> list[bytes]:
        """Return the paths that may travel although they are large."""
        try:
            return [one for one in (self.folder / "wanted").read_bytes().split(b"\0") if one]
        except FileNotFoundError:
            return []

    def allow(self, paths: Iterable[bytes]) -> None:
        """Let paths travel from now on; raises OSError if that cannot be remembered."""
        wanted = sorted({*self.allowed(), *paths})
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / "wanted").write_bytes(b"\0".join(wanted))
        if self._files is not None:
            self._files.rules_changed()
            self.look_at_all_next()

    def look_at_all_next(self) -> None:
        """Have the next look walk everything: what travels is to be found anew."""
        self.unsteady = frozenset({*self.unsteady, b""})

    def _rules(self) -> Ignore:
        return Ignore(self.root, wanted=self.allowed())

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def close(self) -> None:
        """Stop watching."""
        self._let_go()
        if self._watcher is not None:
            self._watcher.close()
        self._files = self._watcher = None
        self._looked = self._whole = False
