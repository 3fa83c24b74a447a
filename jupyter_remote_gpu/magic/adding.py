"""Adding a machine: made ready at once, so that what cannot work is known before it is needed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from jupyter_remote_gpu.machines.known import KnownMachine, Seen
from jupyter_remote_gpu.machines.ssh.known_agent import KnownAgent
from jupyter_remote_gpu.session.asking import look
from jupyter_remote_gpu.session.summary import seconds_text, size_text

from .extension import Extension
from .machine_table import counted
from .progress import Progress
from .ssh_way import reached


def make_ready(extension: Extension, machine: KnownMachine) -> tuple[KnownMachine, str]:
    """Make a machine ready that is not added yet; return it with what was found, and in words.

    Blocks, for as long as sending the agent takes; the stop button leaves
    nothing half done. Raises what connecting and installing raise.
    """
    machines = extension.machines
    progress = Progress(machine.name, extension.front_end.step_bar)
    way = reached(machine, extension.config, machines.registry, progress.told)
    with progress.shown(lambda seconds: f"made ready in {seconds_text(seconds)}"):
        found = machines.run(look(way), f"{machine.name} to answer")
    agent = way.known
    seen = seen_now(found, agent)
    parts = [counted(seen.gpus) or "no GPU", *_driver(agent), f"{size_text(seen.disk_free)} free"]
    if seen.python:
        parts.append(f"Python {seen.python}")
    text = f"is added: {', '.join(parts)}"
    packed = None if agent is None else agent.pack()
    notes = "".join(f"\n{note}" for note in way.notes)
    return replace(machine, agent=packed, seen=seen), text + notes


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


def added_text(machine: KnownMachine, text: str) -> str:
    """Return what is said of a machine that was just added."""
    name = machine.name
    trust = (
        f"{name} is trusted: values of any kind come back (`%remote_gpu untrust {name}` ends that)"
        if machine.trusted
        else f"{name} is not trusted: only data comes back, and what it shows is cleaned; if it is"
        f" your own, `%remote_gpu trust {name}`"
    )
    use = f"%%remote_gpu --machine {name} runs a cell there, `%remote_gpu use {name}` every one"
    return f"{name} {text}\n{trust}\n{use}"
