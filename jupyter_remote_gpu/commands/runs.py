"""The runs on machines: scripts and notebooks' cells; which go on, which have ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import (
    KernelDiedError,
    NotAvailableError,
    RemoteGPUError,
    RequestError,
)
from jupyter_remote_gpu.machines import EMBEDDED_NAME
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.scripts import script_of
from jupyter_remote_gpu.session.asking import asking
from jupyter_remote_gpu.session.client import AgentClient
from jupyter_remote_gpu.session.machine_time import in_our_time
from jupyter_remote_gpu.transport.base import Transport

from .settings import Settings
from .ways import brief, local

LOOK_SECONDS = 10.0
PATIENT_SECONDS = 60.0
"""For this computer, and for a machine that is the only one to be asked: it may be busy."""
LONGEST_WHAT = 60


@dataclass(frozen=True, slots=True)
class FoundRun:
    """One run on a machine. `ident` is what the user calls it by; times are Unix times.

    `script` is the path here of the script it runs, "" for a notebook's cell;
    `folder` is where its kernel works on the machine.
    """

    ident: str
    machine: str
    kernel: str
    script: str
    notebook: str
    what: str
    status: str
    started: float
    ended: float | None
    error: str | None
    record: dict[str, Any]
    folder: str = ""

    @property
    def going(self) -> bool:
        """Whether it goes on."""
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class Runs:
    """What was found: the runs, oldest first, and {machine: why it could not be asked}."""

    runs: tuple[FoundRun, ...]
    unasked: dict[str, str]


async def find_runs(settings: Settings, registry: Registry, machine: str | None = None) -> Runs:
    """Return the runs on one machine or on all; a machine that is away is named as such.

    Called in an event loop; waits `LOOK_SECONDS` for machines that may be off,
    `PATIENT_SECONDS` for one that was named and for this computer. UnknownMachineError for a
    machine that was not added; what asking raises if only that one was to be asked.
    """
    ways = _ways(settings, registry, machine)
    found = await asyncio.gather(
        *(_of(name, way, patient=machine is not None) for name, way in ways.items())
    )
    runs = [run for some, _ in found for run in some]
    unasked = {name: why for name, (_, why) in zip(ways, found, strict=True) if why}
    return Runs(tuple(sorted(runs, key=lambda run: run.started)), unasked)


def way_to(settings: Settings, registry: Registry, machine: str) -> Transport:
    """Return a way to a machine that has an agent; NotAvailableError if it was never reached."""
    if machine == EMBEDDED_NAME:
        return local(settings)
    way = brief(registry.find(machine), settings)
    if way is None:
        raise NotAvailableError(f"{machine} was not reached yet, nothing of ours lies there")
    return way


def pick_run(found: Runs, ident: str) -> FoundRun:
    """Return the run that `ident` names, or begins to name; RequestError if none or several."""
    fits = [run for run in found.runs if run.ident.startswith(ident)]
    if len(fits) == 1:
        return fits[0]
    exact = [run for run in fits if run.ident == ident]
    if len(exact) == 1:
        return exact[0]
    away = "".join(f" {name} could not be asked: {why}." for name, why in found.unasked.items())
    if fits:
        raise RequestError(f"'{ident}' could be any of {', '.join(run.ident for run in fits)}.")
    raise RequestError(f"there is no run '{ident}'.{away}", hint="remote-gpu runs lists them.")


def pick_latest(found: Runs) -> FoundRun:
    """Return the latest script's run that goes on, else the latest of all; RequestError if none."""
    scripts = [run for run in found.runs if run.script]
    going = [run for run in scripts if run.going]
    if not scripts:
        raise RequestError("no script was run so far", hint="remote-gpu run train.py runs one.")
    return (going or scripts)[-1]


def _ways(
    settings: Settings, registry: Registry, machine: str | None
) -> dict[str, Transport | None]:
    if machine is not None:
        return {machine: way_to(settings, registry, machine)}
    added = {name: brief(known, settings) for name, known in registry.machines().items()}
    return {EMBEDDED_NAME: local(settings), **added}


async def _of(name: str, way: Transport | None, *, patient: bool) -> tuple[Sequence[FoundRun], str]:
    if way is None:
        return (), "not reached yet"
    seconds = PATIENT_SECONDS if patient or name == EMBEDDED_NAME else LOOK_SECONDS
    try:
        return await asyncio.wait_for(_ask(name, way), seconds), ""
    except asyncio.TimeoutError:
        return (), "does not answer"
    except (RemoteGPUError, OSError) as error:
        return (), getattr(error, "message", str(error))


async def _ask(name: str, way: Transport) -> list[FoundRun]:
    async with asking(way) as client:
        kernels = (await client.request(messages.ListKernels))["kernels"]
        records = await asyncio.gather(*(_records(client, kernel) for kernel in kernels))
        return [
            _run(name, kernel, record)
            for kernel, some in zip(kernels, records, strict=True)
            for record in in_our_time(some, client.clock_ahead)
        ]


async def _records(client: AgentClient, kernel: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        answer = await client.request(messages.ListRuns, kernel=kernel["kernel"])
    except KernelDiedError:
        return []  # forgotten since it was listed
    return list(answer["runs"])


def _run(machine: str, kernel: dict[str, Any], record: dict[str, Any]) -> FoundRun:
    script = script_of(kernel["notebook"])
    first = (record["source"].strip().splitlines() or [""])[0]
    what = first.removeprefix("# ") if script else first
    return FoundRun(
        ident=str(record["run"]).rpartition("-")[2],
        machine=machine,
        kernel=kernel["kernel"],
        script=script,
        notebook="" if script else os.path.basename(kernel["notebook"].rstrip(os.sep)),
        what=what if len(what) <= LONGEST_WHAT else f"{what[: LONGEST_WHAT - 1]}…",
        status=record["status"],
        started=record["started"],
        ended=record["ended"],
        error=record["error"],
        record=record,
        folder=kernel["folder"],
    )
