"""`runs`, `stop`: which scripts and cells run on machines, and ending one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from jupyter_remote_gpu.commands.machine_table import columns
from jupyter_remote_gpu.commands.runs import (
    FoundRun,
    Runs,
    find_runs,
    pick_latest,
    pick_run,
    way_to,
)
from jupyter_remote_gpu.commands.stopping import stop_run
from jupyter_remote_gpu.session.summary import seconds_text

from .carrying import with_here
from .grammar import complete_machine
from .here import Here, clock


@click.command("runs", short_help="List runs of scripts, and cells that go on.")
@click.option("--machine", shell_complete=complete_machine, help="Only those of one machine.")
@click.option("--all", "everything", is_flag=True, help="Notebooks' cells that have ended too.")
@with_here
def list_runs(here: Here, machine: str | None, everything: bool) -> None:
    """List runs: of scripts, and notebooks' cells that go on."""
    found = _runs(here, machine)
    shown = [run for run in found.runs if everything or run.script or run.going]
    lines = [_table(shown)] if shown else ["there are no runs"]
    lines += [f"{name} could not be asked: {why}" for name, why in found.unasked.items()]
    here.say("\n".join(lines), runs=[_run_fields(run) for run in shown], not_reached=found.unasked)


def _table(runs: Sequence[FoundRun]) -> str:
    rows: list[tuple[str, ...]]
    rows = [("run", "machine", "began", "took", "state", "what", "notebook")]
    now = time.time()
    for run in runs:
        took = seconds_text(max(0.0, (run.ended or now) - run.started))
        state = run.status if run.error is None else f"{run.status} ({run.error})"
        rows.append(
            (run.ident, run.machine, clock(run.started), took, state, run.what, run.notebook)
        )
    return columns(rows)


def _run_fields(run: FoundRun) -> dict[str, Any]:
    return {
        "run": run.ident,
        "machine": run.machine,
        "script": run.script or None,
        "notebook": run.notebook or None,
        "what": run.what,
        "status": run.status,
        "error": run.error,
        "started": run.started,
        "ended": run.ended,
    }


@click.command("stop", short_help="Stop a run.")
@click.argument("run")
@click.option("--machine", shell_complete=complete_machine, help="Where to look for it.")
@with_here
def stop(here: Here, run: str, machine: str | None) -> None:
    """Stop a run: it gets Ctrl-C, and 10 s to end; a script that does not is killed.

    A notebook's cell is only interrupted: its names live on.
    """
    one = found_run(here, run, machine)
    if not one.going:
        here.say(f"{one.ident} has ended already", run=one.ident, stopped=False, killed=False)
        return
    way = way_to(here.settings, here.registry, one.machine)
    killed = here.run(stop_run(way, one), f"{one.ident} to end")
    how = "was killed" if killed else "was stopped" if one.script else "was interrupted"
    here.say(f"{one.ident} {how}", run=one.ident, stopped=True, killed=killed)


def _runs(here: Here, machine: str | None) -> Runs:
    return here.run(find_runs(here.settings, here.registry, machine), "the machines to answer")


def found_run(here: Here, run: str | None, machine: str | None) -> FoundRun:
    """Return the run of that name, or the latest script's; RequestError if there is none."""
    found = _runs(here, machine)
    return pick_latest(found) if run is None else pick_run(found, run)


COMMANDS = (list_runs, stop)
