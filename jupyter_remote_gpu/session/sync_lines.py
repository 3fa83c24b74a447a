"""What is said of files that moved, wait or stay: the plan's words as values, and short lines."""

from __future__ import annotations

import os
from collections.abc import Sequence

from jupyter_remote_gpu.chunks.tree import FileEntry, FolderEntry
from jupyter_remote_gpu.files.plan import Do, Step
from jupyter_remote_gpu.files.verdict import ASKS, LeftOut

from .summary import size_text
from .sync_report import Moved, Planned, SyncReport, Waiting, Way
from .sync_sides import Sides

MOST_NAMED = 3
_WAYS = {
    Do.SEND: Way.OUT,
    Do.DELETE_THERE: Way.OUT,
    Do.FETCH: Way.BACK,
    Do.DELETE_HERE: Way.BACK,
    Do.KEEP_BOTH: Way.BOTH,
    Do.QUARANTINE: Way.ASIDE,
}


def planned(step: Step) -> Planned:
    """Return a step as a line of a dry run."""
    way = _WAYS.get(step.do, Way.STAYS)
    entry = step.there if way in (Way.BACK, Way.ASIDE, Way.BOTH) else step.here
    size = entry.content.size if isinstance(entry, FileEntry) else 0
    is_folder = isinstance(entry, FolderEntry)
    return Planned(os.fsdecode(step.path), way, step.do.value, size, step.reason, is_folder)


def stays(left: LeftOut) -> Planned:
    """Return what does not travel as a line of a dry run."""
    path = os.fsdecode(left.path)
    asks = left.why in ASKS
    return Planned(path, Way.STAYS, left.why.value, 0, left.rule, left.is_folder, asks)


def waiting_of(sides: Sides) -> tuple[Waiting, ...]:
    """Return what was put aside until the user accepts it."""
    return tuple(
        Waiting(
            os.fsdecode(path),
            one.entry.content.size if isinstance(one.entry, FileEntry) else 0,
            one.reason,
            os.path.lexists(sides.here.root / os.fsdecode(path)),
            one.unsafe,
        )
        for path, one in sorted(sides.aside.waiting.items())
    )


def report_lines(report: SyncReport) -> tuple[str, ...]:
    """Return what of a sync is worth a line to whoever runs a cell: what is not as expected."""
    lines = [
        f"{one.path}: changed on both sides; the machine's version is {one.other}"
        for one in report.conflicts
    ]
    if report.later:
        size = size_text(sum(one.bytes for one in report.later))
        lines.append(f"{named(report.later)} ({size}) come in the background")
    gone = [one for one in report.back if one.deleted and not one.other]
    if gone:
        lines.append(f"deleted here too: {named(gone)}")
    lines += [f"{path} could not be written: {why}" for path, why in report.refused.items()]
    return tuple(lines)


def named(paths: Sequence[Moved]) -> str:
    """Name paths in a line: the first few, and how many they are."""
    text = ", ".join(one.path for one in paths[:MOST_NAMED])
    return text if len(paths) <= MOST_NAMED else f"{text}, … ({len(paths)} files)"
