"""What a sync of a project's files did, would do, or waits for: values only.

Paths are relative to the project's folder, with slashes, as text (`os.fsdecode`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.protocol.frames import Buffer


class Way(enum.Enum):
    """Where a path goes; the value is said to the user."""

    OUT = "to the machine"
    BACK = "back here"
    BOTH = "kept in both versions"
    ASIDE = "put aside until you accept it"
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class Moved:
    """One path that moved: `bytes` is the file's size, 0 for folders, links and deletions.

    `other` is the name under which the other version of a conflict lies here.
    """

    path: str
    bytes: int = 0
    deleted: bool = False
    other: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What would happen to one path, and why: a line of a dry run.

    `kind` is a `files.plan.Do` or, for what stays, a `files.verdict.Why`, by its
    value; `reason` is the rule in words, empty where the kind says it all. `asks`
    is True for what waits only for the user's word (`ProjectSync.allow`).
    """

    path: str
    way: Way
    kind: str
    bytes: int = 0
    reason: str = ""
    is_folder: bool = False
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file from a machine that is not trusted, put aside until the user accepts it.

    `reason` says why ("it can be run or imported", "it changes what came from
    here"), `changes_ours` whether accepting replaces a file of here. `unsafe` marks
    files that can run code when they are loaded (pickles).
    """

    path: str
    bytes: int
    reason: str
    changes_ours: bool = False
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync did.

    `later` are files that still come, in the background. `refused` has the paths
    that a side could not hold, with the reason; `asking` what was not sent until
    the user allows it (`ProjectSync.allow`), `left_out` what else stays although
    the user may have expected it to travel, `tokens` what went with a token written
    into it. `bytes_out` and `bytes_back` count what went over the wire.
    """

    sent: tuple[Moved, ...] = ()
    back: tuple[Moved, ...] = ()
    conflicts: tuple[Moved, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    later: tuple[Moved, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    asking: tuple[Planned, ...] = ()
    left_out: tuple[Planned, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    bytes_out: int = 0
    bytes_back: int = 0
    seconds: float = 0.0

    @property
    def nothing(self) -> bool:
        """Whether both sides were the same already."""
        return not (self.sent or self.back or self.conflicts or self.later or self.refused)


@dataclass(frozen=True, slots=True)
class Coming:
    """A large file that comes in the background: what it is, and how many bytes are here.

    `trouble` says why nothing of it comes just now; empty if it does.
    """

    file: Moved
    done: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a sync would do with every path, in their order; nothing was sent."""

    paths: tuple[Planned, ...] = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """What a run's own request carries of the project: its `project` field, and blobs.

    `lines` are for the user.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    blobs: tuple[Buffer, ...] = ()
    lines: tuple[str, ...] = ()
