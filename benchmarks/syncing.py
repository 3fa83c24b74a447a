"""Rows of a whole project brought to a machine: `sync-lan`, `sync-line`.

After the first upload a change goes there with the next cell: ours is a whole
cell, its own round trip included, and the rival's is what rsync takes by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.lab import Lab

from . import far
from .far import Served
from .figures import LIMIT, RATIO, Comparison, Scale, Target, seconds
from .looking import scratch
from .loopback import Loopback
from .movers import Mover, Rsync, WarmConnection, Zip, need, wire_bytes
from .our_mover import OurMover
from .sample_project import FULL, QUICK, SampleProject, contents

ROUNDS = 3
LINE_RTT_MS, LINE_MBIT = 20, 100
FIRST = "first upload"
NOTHING, EDIT = "cell, nothing changed", "cell, one line edited"
RENAME, INSERT = "cell, folder renamed", "cell, 1 KB put into a large file"
BY_HAND = "nothing changed, all files looked at"
FIRST_TARGET = Target(RATIO, 1.0)
RAW_TARGET = Target(RATIO, 1 / 0.97)
LAN_TARGETS = dict.fromkeys((NOTHING, EDIT, RENAME, INSERT, BY_HAND), Target(RATIO, 1.0))
LINE_TARGETS = {
    NOTHING: Target(RATIO, 0.2),
    EDIT: Target(RATIO, 0.25),
    RENAME: Target(RATIO, 0.2),
    INSERT: Target(RATIO, 0.7),
    BY_HAND: Target(RATIO, 1.0),
}
EDIT_TARGET = Target(LIMIT, LINE_RTT_MS / 1000 + 0.06)
SMALL_TARGET = Target(LIMIT, 300_000)


@dataclass
class Taken:
    """Seconds and bytes on the wire, by what was done and who did it."""

    lab: Lab
    way: str
    seconds: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    bytes: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def take(self, what: str, called: str, work: Callable[[], None]) -> None:
        """Do a work, and take its figures."""
        before = wire_bytes(self.lab, self.way)
        self.seconds[what, called].append(seconds(work))
        self.bytes[what, called].append(wire_bytes(self.lab, self.way) - before)

    def compared(self, what: str, rival: str, target: Target, size: Target) -> list[Comparison]:
        """Return the two lines about one change: seconds, and bytes on the wire."""
        ours, theirs = (what, OurMover.called), (what, rival)
        taken = self.seconds
        moved = f"{what}, bytes on the wire"
        return [
            Comparison(what, taken[ours], rival, taken[theirs], target),
            Comparison(moved, self.bytes[ours], rival, self.bytes[theirs], size, unit="B"),
        ]


def measure_lan(scale: Scale) -> list[Comparison]:
    """Compare syncs over a plain link with rsync without compression, and with zip."""
    need("rsync", "zip", "unzip")
    with ExitStack() as opened:
        way = _Way(opened, scale, "lan", "-a")
        byhand = Zip(way.lab, way.connection, way.sample.folder, way.scratch)
        way.upload([way.ours, way.rsync, byhand])
        way.work(scale.rounds or ROUNDS)
        first = way.taken.seconds
        found = way.compared(LAN_TARGETS, LAN_TARGETS)
        by_hand = Comparison(
            FIRST,
            first[FIRST, way.ours.called],
            byhand.called,
            first[FIRST, byhand.called],
            FIRST_TARGET,
        )
        return [by_hand, *found]


def measure_line(scale: Scale) -> list[Comparison]:
    """Compare syncs over a slow line with rsync and compression, and with what the line bears."""
    need("rsync")
    with ExitStack() as opened:
        way = _Way(opened, scale, "wan", "-az")
        served = Served(way.lab, "-m", "benchmarks.loopback", "always")
        opened.callback(served.close)
        way.upload([way.ours, way.rsync])
        moved = int(way.taken.bytes[FIRST, way.ours.called][0])
        line = Loopback(far.raw(way.lab, served.port))
        raw = seconds(lambda: line.push(memoryview(bytes(moved))))
        way.work(scale.rounds or ROUNDS)
        ours = way.taken.seconds[FIRST, way.ours.called]
        bare = Comparison(FIRST, ours, "as many bytes over raw TCP", [raw], RAW_TARGET)
        edits = way.taken.seconds[EDIT, way.ours.called]
        rsync = way.taken.seconds[EDIT, way.rsync.called]
        edit = Comparison(EDIT, edits, way.rsync.called, rsync, EDIT_TARGET)
        sizes = dict.fromkeys(LINE_TARGETS, SMALL_TARGET)
        return [bare, edit, *way.compared(LINE_TARGETS, sizes)]


class _Way:
    """One lab, one project, and those who bring it over one way."""

    def __init__(self, opened: ExitStack, scale: Scale, way: str, flags: str) -> None:
        self.lab = opened.enter_context(far.opened())
        self.scratch = opened.enter_context(scratch("sync"))
        self.sample = SampleProject(self.scratch / "project", QUICK if scale.quick else FULL)
        if way == "wan":
            self.lab.link.shape(rtt_ms=LINE_RTT_MS, mbit=LINE_MBIT)
        self.connection = WarmConnection(self.lab, way, self.scratch)
        opened.callback(self.connection.close)
        project: Path = self.sample.folder
        self.rsync = Rsync(self.lab, self.connection, project, flags)
        self.ours = OurMover(self.lab, way, project, self.scratch / "state")
        opened.callback(self.ours.close)
        self.taken = Taken(self.lab, way)

    def upload(self, movers: Sequence[Mover]) -> None:
        """Bring everything there for the first time."""
        for mover in movers:
            self.taken.take(FIRST, mover.called, mover.sync)
        self.ours.start()

    def work(self, rounds: int) -> None:
        """Change the project as somebody does who works on it, and sync after each change."""
        sample = self.sample
        changes: dict[str, Callable[[], None]] = {
            NOTHING: sample.leave,
            EDIT: sample.edit_line,
            RENAME: sample.rename_folder,
            INSERT: sample.insert,
            BY_HAND: sample.leave,
        }
        for number in range(rounds):
            for what, change in changes.items():
                change()
                ours = self.ours.sync if what == BY_HAND else self.ours.cell
                both = [(self.ours.called, ours), (self.rsync.called, self.rsync.sync)]
                for called, bring in both[:: -1 if number % 2 else 1]:
                    self.taken.take(what, called, bring)

    def compared(self, targets: dict[str, Target], sizes: dict[str, Target]) -> list[Comparison]:
        """Return the lines about every change; the first has what is wrong there, if anything."""
        rival = self.rsync.called
        found = self.taken.compared(FIRST, rival, FIRST_TARGET, FIRST_TARGET)
        for what, target in targets.items():
            found += self.taken.compared(what, rival, target, sizes[what])
        if contents(self.ours.there()) != self.sample.contents():
            raise AssertionError("the machine's files are not those of the project")
        return found
