"""One round of a sync: look at both sides, decide, bring back, send, remember."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

from jupyter_remote_gpu.errors import FilesError, LackingError, ProjectChangedError, TooMuchError
from jupyter_remote_gpu.files.plan import Do, Plan, Step
from jupyter_remote_gpu.files.verdict import MATTERS
from jupyter_remote_gpu.protocol.steps import Told

from .sync_back import bring
from .sync_guard import measure_of, too_much
from .sync_lines import stays, waiting_of
from .sync_out import send
from .sync_report import SyncReport
from .sync_sides import Sides, moved, size_of

OUT = (Do.SEND, Do.DELETE_THERE)
ALONG_BYTES = 4 << 20
"""Small files come along with the look at the machine."""
_TRIES = 3


def bring_settled(
    sides: Sides, budget: int, told: Told, settled: Callable[[Step], bool]
) -> tuple[SyncReport, list[Step]]:
    """Bring back what changed there and is `settled`, while a run goes on; nothing is sent.

    Returns and raises as `make_same`.
    """
    sides.look_here(told)
    sides.look_there(min(budget, ALONG_BYTES))
    found = sides.plan(None if sides.memory.fresh else sides.open)
    sides.memory.fresh = False
    sides.open = set(found.steps)
    for step in found.of(Do.AGREE, Do.FORGET):
        sides.agree(step, step.here)
    wanted = Plan(
        {s.path: s for s in found.of(Do.FETCH, Do.DELETE_HERE) if settled(s)}, found.unsafe
    )
    brought = bring(sides, wanted, budget, told)
    sides.memory.save()
    sides.here.save()
    report = SyncReport(back=tuple(brought.back), conflicts=tuple(brought.conflicts))
    return report, brought.late


def make_same(
    sides: Sides, budget: int | None, told: Told, *, fresh: bool = False, leave: bool = False
) -> tuple[SyncReport, list[Step]]:
    """Make both sides the same; return what was done, and what is to come later. Blocks.

    That is what goes beyond `budget` bytes of files from there; None for no limit.
    Goes again, three times at most, if files change meanwhile. With `fresh` no
    watcher is relied upon, on either side. Raises what asking the machine raises,
    FilesError, DiskFullError; TooMuchError before anything is sent, but with `leave`:
    then so much is left for a time when the user can be asked.
    """
    began = time.monotonic()
    out, back = sides.there.bytes_out, sides.there.bytes_back
    report = SyncReport()
    late: list[Step] = []
    for attempt in range(_TRIES):
        try:
            done, late, again = _once(sides, budget, told, fresh=fresh, leave=leave)
        except (LackingError, ProjectChangedError) as error:
            if attempt == _TRIES - 1:
                raise FilesError(
                    f"files of {sides.here.root} change all the time, here or on {sides.machine}:"
                    " they could not be made the same",
                    hint="What was brought or sent is whole. Run it again once they stand still.",
                ) from error
            sides.there.known, fresh = False, True
            continue
        report = _together(report, done)
        if not again:
            break
    report = replace(
        _with_what_stays(sides, report),
        later=tuple(moved(step.path, step.there) for step in late),
        seconds=time.monotonic() - began,
        bytes_out=sides.there.bytes_out - out,
        bytes_back=sides.there.bytes_back - back,
    )
    return report, late


def _once(
    sides: Sides, budget: int | None, told: Told, *, fresh: bool, leave: bool
) -> tuple[SyncReport, list[Step], bool]:
    everything = not sides.there.known
    if everything and not sides.memory.agreed and sides.most_sent is not None:
        # what lies there is not asked about, though nothing is remembered of it
        sides.look_there(0)
    _look_here(sides, told, fresh=fresh, measured=not leave)
    along = ALONG_BYTES if budget is None else min(budget, ALONG_BYTES)
    sides.look_there(along, fresh=fresh)
    found = sides.plan(None if everything or sides.memory.fresh else sides.open)
    sides.memory.fresh = False
    sides.open = set(found.steps)
    for step in found.of(Do.AGREE, Do.FORGET):
        sides.agree(step, step.here)
    brought = bring(sides, found, budget, told)
    steps = {
        step.path: step
        for step in found.of(*OUT, Do.KEEP_BOTH, Do.QUARANTINE)
        if step.do in OUT or (step.path in brought.ours and step.here is not None)
    }
    count = len(steps)
    try:
        sent, refused = send(sides, steps, told)
    except TooMuchError:
        if not leave:
            raise
        sent, refused, count = [], {}, 0
    sides.note_surprises()
    sides.refused = {
        path: (step.here, step.there)
        for path, step in found.steps.items()
        if path in refused or path in brought.refused
    }
    sides.memory.save()
    sides.here.save()
    refusals = {**sides.unsafe, **brought.refused, **refused}
    sides.unsafe = {}
    report = SyncReport(
        sent=tuple(sent),
        back=tuple(brought.back),
        conflicts=tuple(brought.conflicts),
        refused={os.fsdecode(path): why for path, why in refusals.items()},
    )
    return report, brought.late, brought.again or len(sent) + len(refused) < count


def _look_here(sides: Sides, told: Told, *, fresh: bool, measured: bool) -> None:
    """Look at the files of here; TooMuchError, with numbers, if more would have to be read."""
    measure = measure_of(sides) if measured else None
    try:
        sides.look_here(told, fresh=fresh, measure=measure)
    except TooMuchError:
        assert measure is not None, "only what is measured is too much"
        raise too_much(sides, measure.with_read(_read_before(sides))) from None


def _read_before(sides: Sides) -> dict[bytes, int]:
    """Return the sizes of files here that an earlier look has read, and that are here still."""
    root = os.fsencode(sides.here.root)
    return {
        path: size_of(known.entry)
        for path, known in sides.here.index.known.items()
        if size_of(known.entry) and os.path.lexists(os.path.join(root, path))
    }


def _together(one: SyncReport, other: SyncReport) -> SyncReport:
    """Return what two goes of a round did."""
    return replace(
        one,
        sent=(*one.sent, *other.sent),
        back=(*one.back, *other.back),
        conflicts=(*one.conflicts, *other.conflicts),
        refused={**one.refused, **other.refused},
    )


def _with_what_stays(sides: Sides, report: SyncReport) -> SyncReport:
    """Add what waits for the user and what does not travel, where that matters."""
    there = sides.there.tree  # what came from there is not lacking there
    left_out = [
        left
        for left in sides.here.left_out.values()
        if left.why in MATTERS and left.path not in there
    ]
    told = [stays(left) for left in left_out]
    return replace(
        report,
        waiting=waiting_of(sides),
        asking=tuple(one for one in told if one.asks),
        left_out=tuple(one for one in told if not one.asks),
        tokens={os.fsdecode(path): kind for path, kind in sides.here.tokens.items()},
    )
