"""A short look at all machines at once; none that is dead holds the others up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import AgentMissingError, RemoteGPUError
from jupyter_remote_gpu.machines import EMBEDDED_NAME
from jupyter_remote_gpu.machines.known import Seen
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.session.asking import look
from jupyter_remote_gpu.transport.base import Transport

from .adding import seen_now
from .machine_table import Look
from .settings import Settings
from .ways import agent_of, brief, local

LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _Way:
    """A machine to look at; without a transport there is a reason."""

    name: str
    trusted: bool
    transport: Transport | None
    trouble: str = ""
    seen: Seen | None = None


async def look_at_all(
    settings: Settings, registry: Registry, current: str, *, trusted: bool
) -> list[Look]:
    """Return what a look of 3 s at most brought of each machine; the embedded one is `trusted`.

    What was found is remembered. Called in an event loop.
    """
    ways = _ways(settings, registry, trusted)
    looks = list(await asyncio.gather(*(_one(way, way.name == current) for way in ways)))
    for one in looks:
        known = registry.machines().get(one.name)
        if one.found is not None and known is not None:
            registry.saw(one.name, seen_now(dict(one.found), agent_of(known)))
    return looks


def _ways(settings: Settings, registry: Registry, trusted: bool) -> list[_Way]:
    ways = [_Way(EMBEDDED_NAME, trusted, local(settings))]
    for name, known in registry.machines().items():
        way = brief(known, settings)
        trouble = "" if way is not None else "not reached yet"
        ways.append(_Way(name, known.trusted, way, trouble, known.seen))
    return ways


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
