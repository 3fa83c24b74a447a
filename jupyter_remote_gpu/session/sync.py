"""Keeping a project the same here and on a machine: what a session, a terminal and a notebook use.

A round looks at both sides, decides (`files.plan`), brings back, then sends, then
remembers what both sides have. Before a run, a small change needs no round: it
goes with the run's own request. Large files come in the background.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from jupyter_remote_gpu.chunks.directory_store import DirectoryStore
from jupyter_remote_gpu.chunks.tree import Encoded, Entry
from jupyter_remote_gpu.errors import FilesError, LackingError, RemoteGPUError
from jupyter_remote_gpu.files.held import HeldChunks
from jupyter_remote_gpu.files.mentioned import left_behind, path_texts
from jupyter_remote_gpu.files.plan import Do, Plan, Step
from jupyter_remote_gpu.files.verdict import LeftOut
from jupyter_remote_gpu.protocol import steps
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.transport.base import Transport

from . import sync_kept
from .place import Ask
from .sync_ahead import Ahead
from .sync_aside import Aside
from .sync_back import arriving, finish
from .sync_here import Here
from .sync_later import Later
from .sync_line import OwnLine
from .sync_lines import Said, planned, stays, waiting_of
from .sync_meanwhile import Meanwhile, looking
from .sync_memory import Memory
from .sync_news import News
from .sync_out import small
from .sync_pull import pull
from .sync_report import Carried, Coming, DryRun, SyncReport, Waiting
from .sync_round import OUT, bring_settled, make_same
from .sync_sides import Sides, is_file
from .sync_there import There

CARRIED_BYTES = 1 << 20
"""What a run's own request carries at most; more is sent before it."""
SMALL_BYTES = 4 << 20
"""Files of up to so much together come back before a cell is done, larger ones later."""
SURE_SECONDS = 2.0
"""For so long after the machine told how its files are, a run does not make it look again."""
MEANWHILE_SECONDS = 30.0
"""So often files of a run that goes on are looked for."""
_TOLD_SECONDS = 0.2

log = logging.getLogger(__name__)


class ProjectSync:
    """One project on one machine. Any thread; one at a time is in it, others wait.

    `root` is the project's folder, `state` a folder of this computer for what is
    remembered, `workspace` the project's name on the machine. `use` comes first:
    it says how the machine's agent is asked. `told` hears the steps of what takes long;
    more than `most_sent` bytes go only after `let_all_go`.
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
        most_sent: int | None = None,
    ) -> None:
        self.root = root
        self.machine = machine
        self._workspace = workspace
        self._told = told
        self._lock = threading.RLock()
        here = Here(root, state, machine)
        folder = here.folder / "machines" / re.sub(r"[^A-Za-z0-9._-]", "-", machine)
        there, memory, aside = There(_not_reached, workspace), Memory(folder), folder / "aside"
        self._later = Later(self._own_there, self._held, self._arriving, self._place)
        self._most_sent = most_sent
        self._sides = Sides(here, there, memory, Aside(aside), machine, folder, trusted, most_sent)
        self._sides.coming = self._later.expects
        self._said = Said(machine)
        self._reached = False
        self._line: OwnLine | None = None
        self._carrying: tuple[Encoded, dict[bytes, Entry | None]] | None = None
        self._news = News()
        self._ahead = Ahead()
        self._word: str | None = None
        self._word_at = 0.0

    def use(self, ask: Ask, transport: Transport | None = None) -> None:
        """Ask the machine's agent in this way from now on; returns at once.

        With a `transport` what comes in the background has a connection of its own.
        """
        self._ahead.join(self._told)
        with self._lock:
            self._sides.there.ask = ask
            self._reached = True
            if transport is not None and self._line is None:
                self._line = OwnLine(transport)

    def is_now(self, root: str) -> None:
        """Take the agent's word of how the files there are (`Wrote`); any thread, at once."""
        self._word, self._word_at = root, time.monotonic()

    def begin_ahead(self) -> None:
        """Begin to sync while something else takes long; whoever syncs next waits for it.

        What fails there, the next sync meets again. Returns at once.
        """
        self._ahead.begin(self._sync_ahead)

    def stop_ahead(self) -> None:
        """Have a sync that was begun ahead end soon: nobody waits for it any more."""
        self._ahead.stop()

    def _sync_ahead(self, told: Told) -> None:
        with self._entered():
            self._news.add_lines(self._said.lines(self._round(SMALL_BYTES, told)))

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
                sides.look_here(self._told)
                carried = self._carry(sides.plan(sides.open))
                if carried is not None:
                    sides.most_sent = self._most_sent
                    return replace(carried, lines=self._new_lines())
            report = self._round(SMALL_BYTES)
            sides.most_sent = self._most_sent
            return replace(self._check(), lines=(*self._new_lines(), *self._said.lines(report)))

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
                # somebody may have looked meanwhile, and found that a path has changed again
                tree = sides.here.tree
                sides.open -= {path for path, one in changed.items() if tree.get(path) == one}
            if sides.there.known and not self._wrote():
                sides.memory.save()
                sides.here.save()
                return self._new_lines()
            report = self._round(SMALL_BYTES, leave=True)
            return (*self._new_lines(), *self._said.lines(report))

    def during_run(self) -> AbstractContextManager[None]:
        """Bring back now and then what a run writes, until the block is left.

        What fails there is left to `after_run`.
        """
        return looking(self._look_meanwhile, MEANWHILE_SECONDS)

    def _look_meanwhile(self, meanwhile: Meanwhile) -> None:
        try:
            with self._entered() as sides:
                if meanwhile.ended.is_set():
                    return
                meanwhile.next_look()
                # the look tells what became of it
                self._carrying = None
                settled = meanwhile.settled
                report, late = bring_settled(sides, SMALL_BYTES, self._told, settled)
                self.is_now(sides.there.root.name.hex())
                self._news.add(report)
            self._later.want(late)
        except (RemoteGPUError, OSError) as error:
            log.info("what a run writes could not be brought yet: %s", error)

    def _wrote(self) -> bool:
        """Whether the files there are not as they were when they were last looked at."""
        return self._word is not None and self._word != self._sides.there.root.name.hex()

    def _carry(self, found: Plan) -> Carried | None:
        """Return what a run carries; None if there is more to do than that."""
        sides = self._sides
        for step in found.of(Do.AGREE, Do.FORGET):
            sides.agree(step, step.here)
        to_do = {path: step for path, step in found.steps.items() if not sides.is_idle(step)}
        if not to_do:
            return self._check()
        if any(step.do not in OUT for step in to_do.values()):
            return None
        try:
            chunks = small(sides, to_do, CARRIED_BYTES)
        except LackingError:
            return None  # it changes in this moment: a round looks again
        if chunks is None:
            return None
        changed = {path: step.here for path, step in to_do.items()}
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
        """Make both sides the same, all of it, looking at every file; waits for all."""
        with self._entered() as sides:
            report = self._round(None, told, fresh=True)
            sides.most_sent = self._most_sent
        self._await_coming(told or self._told)
        return self._with_what_came(report)

    def pull(self, paths: Sequence[str], told: Told | None = None) -> SyncReport:
        """Bring paths, folders or patterns from the machine, also what would not come by itself.

        Waits for all. NoSuchFileError if there is nothing of that name.
        """
        with self._entered() as sides:
            began, before = time.monotonic(), sides.there.bytes_back
            self._look_there()
            brought = pull(sides, [sync_kept.inside(one) for one in paths], told or self._told)
            report = SyncReport(
                back=tuple(brought.back),
                conflicts=tuple(brought.conflicts),
                refused={os.fsdecode(path): why for path, why in brought.refused.items()},
                waiting=waiting_of(sides),
                bytes_back=sides.there.bytes_back - before,
                seconds=time.monotonic() - began,
            )
        if not brought.coming:
            return report
        self._await_coming(told or self._told, {step.path for step in brought.coming})
        return replace(self._with_what_came(report), seconds=time.monotonic() - began)

    def dry_run(self) -> DryRun:
        """Return what a sync would do with each path, and why; nothing is sent or changed."""
        with self._entered() as sides:
            sides.look_here(self._told, fresh=True)
            sides.look_there(0, fresh=True)
            sides.memory.fresh = True
            found = sides.plan(None).steps.values()
            items = [*map(planned, found), *map(stays, sides.here.left_out.values())]
            return DryRun(tuple(sorted(items, key=lambda one: one.path)))

    def allow(self, paths: Sequence[str]) -> None:
        """Let these files travel although they are large, from now on and to every machine."""
        with self._lock:
            self._sides.here.allow(map(sync_kept.inside, paths))

    def let_all_go(self) -> None:
        """Let the next sync, or the next run's, send however much it is: the user said so."""
        with self._lock:
            self._sides.most_sent = None

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
            self._sides.aside.refresh()
            return waiting_of(self._sides)

    def diff(self, path: str) -> str:
        """Return how what was put aside differs from what is here; FilesError if nothing was."""
        with self._entered(machine=False):
            self._sides.look_here(self._told)
            return sync_kept.difference(self._sides, path)

    def accept(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Put what was put aside into its place here; return the paths. FilesError for none.

        What was changed here in this moment stays, and the accepted version lies beside it.
        """
        with self._entered(machine=False) as sides:
            sides.look_here(self._told)
            return sync_kept.accept(sides, paths)

    def reject(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Forget what was put aside; that version is not brought again. FilesError for none."""
        with self._entered(machine=False) as sides:
            return sync_kept.reject(sides, paths)

    # -- in the background ----------------------------------------------------------------------

    def coming(self) -> tuple[Coming, ...]:
        """Return the large files that come in the background; any thread, at once."""
        return self._later.coming()

    def given_up(self) -> tuple[Coming, ...]:
        """Return the large files that did not come, with the reason; any thread, at once.

        The next look at the machine asks for them anew.
        """
        return self._later.failed()

    def forget_given_up(self, path: str) -> None:
        """Expect a file no more that was given up: the user knows; any thread, at once."""
        self._later.forget_failed([os.fsencode(path)])

    def await_coming(self, paths: Collection[str], seconds: float) -> bool:
        """Wait until none of these is on its way; they come before others. Whether so.

        Any thread, but for those that bring files; blocks for `seconds` at most.
        """
        return self._later.wait_for({os.fsencode(path) for path in paths}, seconds)

    @property
    def kept(self) -> dict[str, Entry]:
        """What waits for the user's word, as far as it was looked at; any thread, at once."""
        waiting = tuple(self._sides.aside.waiting.items())
        return {os.fsdecode(path): one.entry for path, one in waiting}

    def close(self) -> None:
        """Stop watching, send and bring nothing more; what is remembered stays."""
        self._ahead.stop()
        self._later.close()
        if self._line is not None:
            self._line.close()
        with self._lock:
            self._sides.here.close()

    def _own_there(self) -> There:
        """Return another half of there, for the thread that brings large files."""
        ask = self._sides.there.ask if self._line is None else self._line.ask
        return There(ask, self._workspace)

    def _held(self) -> HeldChunks:
        with self._lock:
            return HeldChunks(self.root, self._sides.here.index)

    def _arriving(self) -> DirectoryStore:
        return arriving(self._sides)

    def _place(self, step: Step, store: DirectoryStore) -> Step | None:
        """Put a large file that has come into its place; called by the background's thread.

        Returns the step for the version that lies there, if that is another one by now.
        """
        with self._entered() as sides:
            sides.look_here()
            try:
                brought = finish(sides, step, store)
            except LackingError:
                # the look tells what became of what a run carried
                self._carrying = None
                self._look_there()
                newer = sides.plan({step.path}).steps.get(step.path)
                if newer is not None and newer.there == step.there:
                    raise
                return newer if newer is not None and is_file(newer.there) else None
            sides.memory.save()
            sides.here.save()
        back, conflicts = tuple(brought.back), tuple(brought.conflicts)
        self._news.add(SyncReport(back=back, conflicts=conflicts))
        return None

    def _new_lines(self) -> tuple[str, ...]:
        """Return the lines about what has come in the background since the last ones."""
        return (*self._news.take_lines(), *self._said.lines(self._news.take()))

    def _await_coming(self, told: Told, paths: set[bytes] | None = None) -> None:
        """Wait until nothing comes any more, or none of `paths`, and tell how far that is."""
        later = self._later
        while not (
            later.wait(_TOLD_SECONDS) if paths is None else later.wait_for(paths, _TOLD_SECONDS)
        ):
            on = later.coming()
            total = sum(one.file.bytes for one in on)
            told(steps.Step("bringing files back", sum(one.done for one in on), total))

    def _with_what_came(self, report: SyncReport) -> SyncReport:
        """Add what has come in the background, and what was given up there."""
        came = self._news.take()
        lost = {one.file.path: f"it did not come: {one.trouble}" for one in self.given_up()}
        return replace(
            report,
            back=(*report.back, *came.back),
            conflicts=(*report.conflicts, *came.conflicts),
            refused={**report.refused, **lost},
            waiting=self.waiting(),
        )

    # -- inside ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _entered(self, *, machine: bool = True) -> Iterator[Sides]:
        """Be the only one who syncs this, with what was agreed on last."""
        if machine and not self._reached:
            raise FilesError(f"{self.machine} was not reached yet: nothing can be synced")
        self._ahead.join(self._told)
        try:
            with self._lock, self._sides.memory.locked():
                if self._sides.memory.fresh:
                    self._sides.there.known = False
                self._sides.aside.refresh()
                yield self._sides
        except OSError as error:
            where = error.filename or self.root
            raise FilesError(
                f"the files of {self.root} cannot be kept in step: {where}: {error.strerror}",
                hint="Files are replaced as a whole: none is half written.",
            ) from error

    def _look_there(self) -> None:
        self._sides.look_there(0)
        self.is_now(self._sides.there.root.name.hex())

    def _round(
        self,
        budget: int | None,
        told: Told | None = None,
        *,
        fresh: bool = False,
        leave: bool = False,
    ) -> SyncReport:
        """Make both sides the same, but for what comes later in the background."""
        self._carrying = None
        report, late = make_same(self._sides, budget, told or self._told, fresh=fresh, leave=leave)
        self._later.forget_failed()
        self._later.want(late)
        self.is_now(self._sides.there.root.name.hex())
        return report


def _not_reached(*_: object, **__: object) -> dict[str, object]:
    raise FilesError("the machine was not reached yet: nothing can be synced")
