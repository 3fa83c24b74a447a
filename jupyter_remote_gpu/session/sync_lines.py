"""What is said of files that moved, wait or stay: the plan's words as values, and short lines."""

from __future__ import annotations

import os

from jupyter_remote_gpu.chunks.tree import FolderEntry
from jupyter_remote_gpu.files.plan import Do, Step
from jupyter_remote_gpu.files.verdict import ASKS, LeftOut, Why

from .file_words import (
    MOST_NAMED,
    asking_line,
    conflict_line,
    moved_text,
    named,
    refused_line,
    stays_line,
    token_line,
    waiting_line,
)
from .sync_report import Planned, SyncReport, Waiting, Way
from .sync_sides import Sides, size_of

NEWS_BYTES = 1_000_000
"""A cell that sent less says nothing of it."""
_LISTED = "`%remote_gpu sync --dry-run` lists them"
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
    is_folder = isinstance(entry, FolderEntry)
    path = os.fsdecode(step.path)
    return Planned(path, way, step.do.value, size_of(entry), step.reason, is_folder)


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
            size_of(one.entry),
            one.reason,
            os.path.lexists(sides.here.root / os.fsdecode(path)),
            one.unsafe,
        )
        for path, one in sorted(sides.aside.waiting.items())
    )


class Said:
    """Makes the lines about syncs that a user of cells wants to see, each thing once.

    A small edit that goes along is no news; what came back is, and what is not as
    one expects. What still comes is shown by whoever can show how far it is.
    """

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._told: set[tuple[str, str]] = set()
        self._waiting: set[str] = set()

    def lines(self, report: SyncReport) -> tuple[str, ...]:
        """Return the lines about what a sync did."""
        machine = self._machine
        sent = [one for one in report.sent if not one.deleted]
        back = [one for one in report.back if not one.deleted]
        gone = [one for one in report.back if one.deleted]
        much = sum(one.bytes for one in sent) >= NEWS_BYTES
        lines = [f"sent {moved_text(sent)}"] if much else []
        lines += [f"came back: {moved_text(back)}"] if back else []
        lines += [f"deleted here too: {moved_text(gone)}"] if gone else []
        lines += [conflict_line(machine, one) for one in report.conflicts]
        lines += [refused_line(path, why) for path, why in report.refused.items()]
        waiting = [one for one in report.waiting if one.path not in self._waiting]
        self._waiting = {one.path for one in report.waiting}
        lines += [waiting_line(machine, waiting)] if waiting else []
        return (*lines, *self._stays(report))

    def _stays(self, report: SyncReport) -> list[str]:
        """Return the lines about what did not travel, or should perhaps not have travelled."""
        asking = [one for one in report.asking if self._first("asks", one.path)]
        lines = [asking_line(one) for one in asking[:MOST_NAMED]]
        more = len(asking) - MOST_NAMED
        if more > 0:
            lines.append(f"{more:,} more files stay because they are large: {_LISTED}")
        closed = [one for one in report.left_out if one.kind == Why.UNREADABLE.value]
        closed = [one for one in closed if self._first("closed", one.path)]
        if closed:
            paths = named((one.path, one.is_folder) for one in closed)
            lines.append(f"could not be read, and stays as it was there: {paths}")
        holding = [path for path in report.tokens if self._first("token", path)]
        lines += [token_line(self._machine, p, report.tokens[p]) for p in holding[:MOST_NAMED]]
        return lines

    def stays(self, left: LeftOut) -> str | None:
        """Return the line about what a program names and that does not travel; None if told."""
        path = os.fsdecode(left.path)
        return stays_line(left) if self._first("stays", path) else None

    def _first(self, what: str, path: str) -> bool:
        if (what, path) in self._told:
            return False
        self._told.add((what, path))
        return True
