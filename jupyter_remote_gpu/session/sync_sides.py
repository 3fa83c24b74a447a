"""The two sides of one project's sync, and what is known of both: what its parts work on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_remote_gpu.chunks.tree import Entry, FileEntry
from jupyter_remote_gpu.errors import UnsafePathError
from jupyter_remote_gpu.files.measure import Measure
from jupyter_remote_gpu.files.paths import checked
from jupyter_remote_gpu.files.plan import Do, Plan, Step, plan
from jupyter_remote_gpu.protocol.steps import Told

from .sync_aside import Aside
from .sync_here import Here
from .sync_memory import Memory
from .sync_report import Moved
from .sync_there import There

_MANY_GONE = 20
"""Where a machine lacks more files, and more than half of all, nobody deleted them one by one."""


@dataclass(slots=True)
class Sides:
    """Here, there, and what they agreed on. Used by one thread at a time.

    `open` has the paths that differ still, `folder` is where what belongs to this
    project and machine is remembered, `unsafe` why names that no side writes for
    another stay, `refused` the two versions of paths that a side
    could not hold, `coming` whether a version of a path is on its
    way here already. `most_sent` is how many bytes may go there without a question.
    """

    here: Here
    there: There
    memory: Memory
    aside: Aside
    machine: str
    folder: Path
    trusted: bool
    most_sent: int | None = None
    open: set[bytes] = field(default_factory=set)
    unsafe: dict[bytes, str] = field(default_factory=dict)
    refused: dict[bytes, tuple[Entry | None, Entry | None]] = field(default_factory=dict)
    coming: Callable[[bytes, Entry | None], bool] = lambda path, entry: False

    def look_here(
        self, told: Told | None = None, *, fresh: bool = False, measure: Measure | None = None
    ) -> None:
        """Look at the files of here; what changed is `open`, whatever happens next.

        TooMuchError as `measure` says.
        """
        self.open |= self.here.look(told, fresh=fresh, measure=measure)

    def look_there(self, most_bytes: int, *, fresh: bool = False) -> None:
        """Learn how the files there are; what differs from what was known is `open`."""
        there, memory = self.there, self.memory
        if not there.known:
            there.guess({path: one.entry for path, one in memory.agreed.items()})
        self.note_surprises()
        self.open |= there.look(most_bytes, fresh=fresh)
        if memory.has_files() and not any(map(is_file, there.tree.values())):
            # the workspace was lost or removed: nobody deleted each of these files
            memory.forget_all()

    def note_surprises(self) -> None:
        """Have `open` what somebody changed there while something was sent: no look tells it."""
        self.open |= self.there.surprises
        self.there.surprises = set()

    def plan(self, paths: set[bytes] | None) -> Plan:
        """Return what is to be done about these paths, about all if None."""
        here, memory = self.here, self.memory
        found = plan(
            memory.agreed,
            here.tree,
            self.there.tree,
            trusted=self.trusted,
            not_followed=here.left_out,
            paths=paths,
        )
        self._leave_unsafe(found)
        self._leave_rejected(found)
        gone = [step.path for step in found.of(Do.DELETE_HERE) if is_file(step.here)]
        if len(gone) > max(_MANY_GONE, len(memory.agreed) // 2):
            # what is here goes there again
            for path in gone:
                memory.agree(path, None)
            return self.plan(paths)
        return found

    def _leave_unsafe(self, found: Plan) -> None:
        """Take out of a plan what no side writes for another: one odd name stops nothing else."""
        for path in list(found.steps):
            try:
                checked(path)
            except UnsafePathError as error:  # noqa: PERF203  (few steps)
                del found.steps[path]
                self.unsafe[path] = error.message

    def _leave_rejected(self, found: Plan) -> None:
        """Keep from coming what the user rejected, also from a machine that is trusted since."""
        for step in found.of(Do.FETCH):
            if step.here is None and self.aside.rejected(step.path, step.there):
                known = Step(step.path, Do.QUARANTINE, None, step.there, "you have rejected it")
                found.steps[step.path] = known

    def is_idle(self, step: Step) -> bool:
        """Whether nothing can be done about a step now: it waits, comes already, or was refused."""
        if step.do in (Do.AGREE, Do.FORGET, Do.BLOCKED) or self.coming(step.path, step.there):
            return True
        if step.do is Do.QUARANTINE and step.here is None:
            return self.aside.knows(step.path, step.there)
        return self.refused.get(step.path) == (step.here, step.there)

    def agree(self, step: Step, entry: Entry | None) -> None:
        """Note that both sides have this now, made there if it was before or came from there."""
        last = self.memory.agreed.get(step.path)
        made = step.do is Do.FETCH if last is None else last.made_there
        self.memory.agree(step.path, entry, made_there=made)
        self.open.discard(step.path)


def is_file(entry: Entry | None) -> bool:
    """Whether there is something, and it is a file."""
    return isinstance(entry, FileEntry)


def size_of(entry: Entry | None) -> int:
    """Return the bytes of a file, 0 for whatever is none."""
    return entry.content.size if isinstance(entry, FileEntry) else 0


def moved(path: bytes, entry: Entry | None, other: bytes | None = None) -> Moved:
    """Return what is told of a path that moved."""
    return Moved(os.fsdecode(path), size_of(entry), entry is None, os.fsdecode(other or b""))


def wanted_of(steps: Mapping[bytes, Step]) -> dict[bytes, Entry | None]:
    """Return what is to lie there according to what is here."""
    return {path: step.here for path, step in steps.items()}
