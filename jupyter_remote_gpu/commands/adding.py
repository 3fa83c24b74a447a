"""Adding a machine: made ready at once, so that what cannot work is known before it is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.machines.known import KnownMachine, Seen, check_name, parse_host
from jupyter_remote_gpu.machines.registry import Registry, name_taken, new_token
from jupyter_remote_gpu.machines.ssh.known_agent import KnownAgent
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.asking import look
from jupyter_remote_gpu.session.summary import size_text

from .machine_table import counted
from .settings import Settings
from .ways import reached

Run = Callable[[Coroutine[Any, Any, dict[str, Any]], str], dict[str, Any]]
"""Carries a coroutine out and returns its result; the text says what is waited for."""


@dataclass(frozen=True, slots=True)
class Added:
    """A machine that was added: as it is remembered, what to say of it, what to know of it.

    `trouble` is why it could not be reached, None if it was.
    """

    machine: KnownMachine
    about: str
    notes: tuple[str, ...] = ()
    trouble: RemoteGPUError | None = None

    @property
    def text(self) -> str:
        """Return what was found, in words that follow the machine's name."""
        if self.trouble is not None:
            return f"is added, and could not be reached now: {self.trouble}"
        return "\n".join((f"is added: {self.about}", *self.notes))


def new_machine(
    registry: Registry,
    name: str,
    host: str,
    *,
    options: Sequence[str] = (),
    trusted: bool = False,
    words: Collection[str] = (),
) -> KnownMachine:
    """Return a machine that may be added; nothing is remembered yet.

    `words` mean something else where machines are named. RequestError if the name
    or the host cannot be used.
    """
    check_name(name, frozenset(words))
    address, port = parse_host(host)
    known = registry.machines()
    if name in known:
        raise name_taken(known[name])
    given = tuple(word for option in options for word in ("-o", option))
    return KnownMachine(name, address, (*port, *given), trusted, token=new_token())


def add(
    settings: Settings,
    registry: Registry,
    machine: KnownMachine,
    told: Told,
    run: Run,
    *,
    offline: bool = False,
) -> Added:
    """Make a machine of `new_machine` ready and remember it; with `offline` unreached too.

    Blocks, for as long as sending the agent takes; interrupted, nothing is half done.
    Raises what connecting and installing raise; the machine is not added then.
    """
    try:
        added = _made_ready(settings, registry, machine, told, run)
    except RemoteGPUError as error:
        if not offline:
            hint = f"{machine.name} was not added; --offline adds a machine to be reached later."
            error.hint = f"{error.hint}\n{hint}" if error.hint else hint
            raise
        added = Added(machine, "", trouble=error)
    registry.add(added.machine)
    return added


def _made_ready(
    settings: Settings, registry: Registry, machine: KnownMachine, told: Told, run: Run
) -> Added:
    way = reached(machine, settings, registry, told)
    found = run(look(way), f"{machine.name} to answer")
    agent = way.known
    seen = seen_now(found, agent)
    parts = [counted(seen.gpus) or "no GPU", *_driver(agent), f"{size_text(seen.disk_free)} free"]
    if seen.python:
        parts.append(f"Python {seen.python}")
    packed = None if agent is None else agent.pack()
    return Added(replace(machine, agent=packed, seen=seen), ", ".join(parts), way.notes)


def seen_now(found: dict[str, Any], agent: KnownAgent | None = None) -> Seen:
    """Return what is remembered of a look at a machine."""
    gpus = [gpu["name"] for gpu in found["gpus"]]
    if not gpus and agent is not None:
        gpus = [gpu.name for gpu in agent.gpus]
    return Seen(
        at=time.time(),
        gpus=tuple(gpus),
        disk_free=found["disk_free"],
        python=found["machine"].get("python", ""),
    )


def _driver(agent: KnownAgent | None) -> tuple[str, ...]:
    return () if agent is None or agent.driver is None else (agent.driver,)
