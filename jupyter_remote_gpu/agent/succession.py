"""Which of two versions serves a machine: a rule over values, decided by the one that arrives.

Several clients use one machine, and not all are of one version. The newer
agent serves them all as long as they speak its protocol; an older client never
puts its own in the place of a newer one, or two would replace each other in
turn. What runs in kernels outlives any change of agents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jupyter_remote_gpu import __version__
from jupyter_remote_gpu.errors import VersionMismatchError
from jupyter_remote_gpu.protocol.version import KERNEL_PROTOCOL, PROTOCOL_VERSION

Verdict = Literal["use", "replace"]


@dataclass(frozen=True, slots=True)
class Version:
    """What a version of this package speaks: with clients, and with kernels."""

    version: str = __version__
    protocol: int = PROTOCOL_VERSION
    kernels: int = KERNEL_PROTOCOL


@dataclass(frozen=True, slots=True)
class Held:
    """A kernel that an agent has. `followed`: a client is connected that shows it."""

    notebook: str
    busy: bool
    followed: bool
    protocol: int


def decide(
    mine: Version, theirs: Version, kernels: Sequence[Held], *, working: bool = False
) -> Verdict:
    """Return whether to use the agent that runs or to replace it with mine.

    `working` says that it is in the middle of something a client waits for.
    Raises VersionMismatchError where neither can be: mine is too old for it, or
    it must stay for a kernel that only it can speak to.
    """
    newer = _order(mine.version) > _order(theirs.version)
    if mine.protocol == theirs.protocol:
        spoken = all(kernel.protocol == mine.kernels for kernel in kernels)
        return "replace" if newer and spoken and not working else "use"
    if not newer:
        raise VersionMismatchError(
            f"the machine's agent is of version {theirs.version}, which this one"
            f" ({mine.version}) cannot speak to",
            hint="Update this package here: pip install -U jupyter_remote_gpu",
        )
    for kernel in kernels:
        # one that is idle and shown nowhere could be reached by no client of this version
        if kernel.protocol != mine.kernels and (kernel.busy or kernel.followed):
            doing = "a cell runs" if kernel.busy else "a notebook is connected"
            raise VersionMismatchError(
                f"the machine's agent (version {theirs.version}) cannot be replaced by this"
                f" version's ({mine.version}) yet: {doing} in the remote Python of"
                f" {kernel.notebook or 'a notebook'}, which only that agent can speak to",
                hint="Wait until it has ended, or `%remote_gpu stop` it in that notebook; then"
                " run this cell again.",
            )
    if working:
        raise VersionMismatchError(
            f"the machine's agent (version {theirs.version}) is making something ready for"
            f" another client and cannot be replaced by this version's ({mine.version}) yet",
            hint="Run the cell again in a minute.",
        )
    return "replace"


def held(fields: Sequence[dict[str, Any]]) -> tuple[Held, ...]:
    """Return the kernels that an agent's answer lists."""
    return tuple(
        Held(
            notebook=str(one.get("notebook", "")),
            busy=bool(one.get("busy")),
            followed=bool(one.get("followed")),
            protocol=int(one.get("protocol", 0)),
        )
        for one in fields
    )


def _order(version: str) -> tuple[tuple[int, ...], int, int]:
    """Return what versions are ordered by: 1.2.dev3 < 1.2a1 < 1.2b1 < 1.2rc1 < 1.2 < 1.2.post1."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in release[0].split(".")] if release else [0]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    stage = re.search(r"(dev|a|b|rc|post)\.?(\d*)", version[release.end() if release else 0 :])
    if stage is None:
        return tuple(numbers), 4, 0
    rank = {"dev": 0, "a": 1, "b": 2, "rc": 3, "post": 5}[stage[1]]
    return tuple(numbers), rank, int(stage[2] or 0)
