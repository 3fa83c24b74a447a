"""A short look at all machines at once; none that is dead holds the others up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import AgentMissingError, RemoteGPUError
from jupyter_remote_gpu.machines.known import Seen
from jupyter_remote_gpu.session.asking import look
from jupyter_remote_gpu.transport.base import Transport

from .adding import seen_now
from .joining import Machines
from .machine_table import Look
from .ssh_way import agent_of

LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _Way:
    """A machine to look at; without a transport there is a reason."""

    name: str
    trusted: bool
    transport: Transport | None
    trouble: str = ""
    seen: Seen | None = None


def look_at_all(machines: Machines) -> list[Look]:
    """Return what a look of 3 s at most brought of each machine; blocks for that long.

    What was found is remembered.
    """
    ways = _ways(machines)
    looks = machines.run(_all(ways, machines.current), "the machines to answer")
    for one in looks:
        known = machines.registry.machines().get(one.name)
        if one.found is not None and known is not None:
            machines.registry.saw(one.name, seen_now(dict(one.found), agent_of(known)))
    return looks


def _ways(machines: Machines) -> list[_Way]:
    embedded = machines.embedded
    ways = [_Way(embedded.name, embedded.machine.trusted, machines.brief(embedded.name))]
    for name, known in machines.registry.machines().items():
        way = machines.brief(name)
        trouble = "" if way is not None else "not reached yet"
        ways.append(_Way(name, known.trusted, way, trouble, known.seen))
    return ways


async def _all(ways: list[_Way], current: str) -> list[Look]:
    return list(await asyncio.gather(*(_one(way, way.name == current) for way in ways)))


async def _one(way: _Way, current: bool) -> Look:
    found: dict[str, Any] | None = None
    trouble = way.trouble
    if way.transport is not None:
        try:
            found = await asyncio.wait_for(look(way.transport), LOOK_SECONDS)
        except asyncio.TimeoutError:
            trouble = "does not answer"
        except AgentMissingError:
            trouble = "nothing installed there"
        except (RemoteGPUError, OSError) as error:
            trouble = getattr(error, "message", str(error))
    return Look(way.name, current, way.trusted, found, trouble, way.seen)
