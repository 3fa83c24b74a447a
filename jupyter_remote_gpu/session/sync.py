"""Keeping a project the same here and on a machine: what a session, a terminal and a notebook use.

A round looks at both sides, decides (`files.plan`), brings back, then sends, then
remembers what both sides have. Before a run, a small change needs no round: it
goes with the run's own request.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from jupyter_remote_gpu.chunks.tree import Encoded, Entry, FileEntry
from jupyter_remote_gpu.errors import FilesError, LackingError
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.mentioned import left_behind, path_texts
from jupyter_remote_gpu.files.plan import Do, Plan
from jupyter_remote_gpu.files.staging import Change
from jupyter_remote_gpu.files.verdict import LeftOut
from jupyter_remote_gpu.protocol.steps import Told

from .place import Ask
from .sync_aside import Aside, diff, text_of
from .sync_here import Here
from .sync_lines import Said, planned, stays, waiting_of
from .sync_memory import Memory
from .sync_out import small
from .sync_report import Carried, DryRun, SyncReport, Waiting
from .sync_round import OUT, make_same
from .sync_sides import Sides
from .sync_there import There

CARRIED_BYTES = 1 << 20
"""What a run's own request carries at most; more is sent before it."""
SMALL_BYTES = 4 << 20
"""Files of up to so much together come back before a cell is done, larger ones later."""
SURE_SECONDS = 2.0
"""For so long after the machine told how its files are, a run does not make it look again."""
_NOTHING = (Do.AGREE, Do.FORGET, Do.BLOCKED)


class ProjectSync:
    """One project on one machine. Any thread; one at a time is in it, others wait.

    `root` is the project's folder, `state` a folder of this computer for what is
    remembered, `workspace` the project's name on the machine. `use` comes first:
    it says how the machine's agent is asked. `told` hears the steps of what takes long.
    Methods block on disk and machine, and raise what asking the machine raises,
    FilesError, and DiskFullError; what was done until then stays and is whole.
    """

    def __init__(
        self,
        root: Path,
        state: Path,
        machine: str,
        workspace: str,
        *,
        trusted: bool,
        told: Told = lambda step: None,
    ) -> None:
        self.root = root
        self.machine = machine
        self._told = told
        self._lock = threading.RLock()
        here = Here(root, state, machine)
        folder = here.folder / re.sub(r"[^A-Za-z0-9._-]", "-", machine)
        self._sides = Sides(
            here,
            There(_not_reached, workspace),
            Memory(folder),
            Aside(folder / "aside"),
            machine,
            folder,
            trusted,
        )
        self._said = Said(machine)
        self._reached = False
        self._carrying: tuple[Encoded, dict[bytes, Entry | None]] | None = None
        self._word: str | None = None
        self._word_at = 0.0

    def use(self, ask: Ask) -> None:
        """Ask the machine's agent in this way from now on; returns at once."""
        with self._lock:
            self._sides.there.ask = ask
            self._reached = True

    def is_now(self, root: str) -> None:
        """Take the agent's word of how the files there are (`Wrote`); any thread, at once."""
        self._word, self._word_at = root, time.monotonic()

    # -- around a run ---------------------------------------------------------------------------

    def before_run(self) -> Carried:
        """Have the machine's files be what they are here, or the run's request see to that.

        A small change is carried; anything else is synced before this returns.
        """
        with self._entered() as sides:
            if self._carrying is not None:
                # whether that run was begun is not known
                self._carrying, sides.there.known = None, False
            if sides.there.known and not self._wrote():
                sides.open |= sides.here.look(self._told)
                carried = self._carry(sides.plan(sides.open))
                if carried is not None:
                    return carried
            report = self._round(SMALL_BYTES)
            return replace(self._check(), lines=self._said.lines(report))

    def run_refused(self) -> None:
        """The run was not begun: the files there were not what was taken for granted."""
        with self._lock:
            self._carrying = None
            self._sides.there.known = False

    def after_run(self) -> tuple[str, ...]:
        """Bring back what a run wrote; return lines for the user."""
        with self._entered() as sides:
            if self._carrying is not None:
                target, changed = self._carrying
                self._carrying = None
                sides.there.became(target, changed)
                for path, entry in changed.items():
                    sides.memory.agree(path, entry)
                sides.open -= changed.keys()
            if sides.there.known and not self._wrote():
                sides.memory.save()
                sides.here.save()
                return ()
            return self._said.lines(self._round(SMALL_BYTES))

    def _wrote(self) -> bool:
        """Whether the files there are not as they were when they were last looked at."""
        return self._word is not None and self._word != self._sides.there.root.name.hex()

    def _carry(self, found: Plan) -> Carried | None:
        """Return what a run carries; None if there is more to do than that."""
        sides = self._sides
        if not found.steps:
            return self._check()
        steps = {step.path: step for step in found.of(*OUT)}
        if len(steps) < len([s for s in found.steps.values() if s.do not in _NOTHING]):
            return None
        try:
            chunks = small(sides, steps, CARRIED_BYTES)
        except LackingError:
            return None  # it changes in this moment: a round looks again
        if chunks is None or not steps:
            return None
        changed = {path: step.here for path, step in steps.items()}
        target = sides.there.target(changed)
        fields, blobs = sides.there.carried(target, chunks)
        self._carrying = target, changed
        return Carried(fields, blobs)

    def _check(self) -> Carried:
        """Return what has a run see whether the files are there still; nothing if that is sure."""
        if time.monotonic() - self._word_at < SURE_SECONDS:
            return Carried()
        there = self._sides.there
        return Carried(*there.carried(there.encoded, {}))

    # -- when asked -----------------------------------------------------------------------------

    def sync(self, told: Told | None = None) -> SyncReport:
        """Make both sides the same, all of it, looking at every file."""
        with self._entered():
            return self._round(None, told, fresh=True)

    def dry_run(self) -> DryRun:
        """Return what a sync would do with each path, and why; nothing is sent or changed."""
        with self._entered() as sides:
            sides.here.look(self._told, fresh=True)
            sides.look_there(0, fresh=True)
            sides.memory.fresh = True
            steps = sides.plan(None).steps.values()
            items = [*map(planned, steps), *map(stays, sides.here.left_out.values())]
            return DryRun(tuple(sorted(items, key=lambda one: one.path)))

    def allow(self, paths: Sequence[str]) -> None:
        """Let these files travel although they are large, from now on and to every machine."""
        with self._lock:
            self._sides.here.allow(map(_inside, paths))

    def left_behind(self, program: str, folder: str) -> tuple[str, ...]:
        """Return a line for each path that a piece of Python names and that stays here, once.

        `folder` is its working folder, as the project has it; as of the last look.
        """
        with self._lock:
            sides = self._sides
            left_out, there = sides.here.left_out, sides.there.tree
            found = left_behind(path_texts(program), folder, left_out, there.__contains__)
            lines = [self._said.stays(left) for left in found]
            return tuple(line for line in lines if line is not None)

    @property
    def left_out(self) -> dict[bytes, LeftOut]:
        """What of the project does not travel, and why, as of the last look."""
        return dict(self._sides.here.left_out)

    # -- what was put aside ---------------------------------------------------------------------

    def waiting(self) -> tuple[Waiting, ...]:
        """Return what was put aside until the user accepts it."""
        with self._lock:
            return waiting_of(self._sides)

    def diff(self, path: str) -> str:
        """Return how what was put aside differs from what is here; FilesError if nothing was."""
        with self._lock:
            sides = self._sides
            inside = self._waiting_at([path])[0]
            sides.here.look(self._told)
            mine = sides.here.tree.get(inside)
            ours: str | None = ""
            if isinstance(mine, FileEntry):
                ours = text_of(mine.content, sides.here.held.get)
            return diff(os.fsdecode(inside), ours, sides.aside.text(inside))

    def accept(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Put what was put aside into its place here; return the paths. FilesError for none.

        What was changed here in this moment stays, and the accepted version lies beside it.
        """
        with self._entered(machine=False) as sides:
            chosen = self._waiting_at(paths)
            sides.here.look(self._told)
            waiting = {path: sides.aside.waiting[path].entry for path in chosen}
            changes = [Change(p, sides.here.tree.get(p), entry) for p, entry in waiting.items()]
            index, get = sides.here.index, sides.aside.get
            applier = Applier(self.root, index, get, who=self.machine, durable=True)
            applied = applier.apply(changes)
            sides.here.took(applied.done)
            for path in applied.done:
                if sides.there.known and sides.there.tree.get(path) == waiting[path]:
                    sides.memory.agree(path, waiting[path], made_there=True)
            beside = [one.path for one in applied.conflicts if one.other is not None]
            sides.aside.take([*applied.done, *beside])
            sides.open |= set(chosen)
            sides.memory.save()
            return tuple(sorted(map(os.fsdecode, (*applied.done, *beside))))

    def reject(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Forget what was put aside; that version is not brought again. FilesError for none."""
        with self._entered(machine=False) as sides:
            chosen = self._waiting_at(paths)
            sides.aside.reject(chosen)
            return tuple(sorted(map(os.fsdecode, chosen)))

    def close(self) -> None:
        """Stop watching; what is remembered stays."""
        with self._lock:
            self._sides.here.close()

    def _waiting_at(self, paths: Sequence[str]) -> list[bytes]:
        """Return what waits at these paths or in these folders; FilesError if nothing does."""
        found: dict[bytes, None] = {}
        for path in paths:
            inside = _inside(path)
            fit = [
                one
                for one in self._sides.aside.waiting
                if inside in (one, b"", b".") or one.startswith(inside + b"/")
            ]
            if not fit:
                raise FilesError(
                    f"nothing of {path} from {self.machine} waits to be accepted",
                    hint="`%remote_gpu kept` lists what does.",
                )
            found.update(dict.fromkeys(fit))
        return list(found)

    # -- inside ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _entered(self, *, machine: bool = True) -> Iterator[Sides]:
        """Be the only one who syncs this, with what was agreed on last."""
        if machine and not self._reached:
            raise FilesError(f"{self.machine} was not reached yet: nothing can be synced")
        with self._lock, self._sides.memory.locked():
            if self._sides.memory.fresh:
                self._sides.there.known = False
            yield self._sides

    def _round(
        self, budget: int | None, told: Told | None = None, *, fresh: bool = False
    ) -> SyncReport:
        report, _ = make_same(self._sides, budget, told or self._told, fresh=fresh)
        self.is_now(self._sides.there.root.name.hex())
        return report


def _inside(path: str) -> bytes:
    """Return a path that a user typed as trees have it."""
    return os.fsencode(os.path.normpath(path).replace(os.sep, "/")).strip(b"/")


def _not_reached(*_: object, **__: object) -> dict[str, object]:
    raise FilesError("the machine was not reached yet: nothing can be synced")
