"""`run`, `attach`, `runs`, `stop`: scripts on machines."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from jupyter_remote_gpu.commands.machine_table import columns
from jupyter_remote_gpu.commands.progress import ready_text
from jupyter_remote_gpu.commands.running import Wanted, begin, wanted
from jupyter_remote_gpu.commands.runs import (
    FoundRun,
    Runs,
    find_runs,
    pick_latest,
    pick_run,
    way_to,
)
from jupyter_remote_gpu.commands.stopping import stop_run
from jupyter_remote_gpu.commands.ways import reached
from jupyter_remote_gpu.errors import RequestError, UnknownFlagError
from jupyter_remote_gpu.machines import EMBEDDED_NAME, Request, split
from jupyter_remote_gpu.session.script import INTERRUPTED_CODE, Ended, ScriptRun
from jupyter_remote_gpu.session.summary import seconds_text

from .carrying import carried_out, with_here
from .exits import Exit
from .grammar import JSON, NO_STDIN, RunCommand, complete_machine
from .here import Here, clock
from .onlooker import TerminalOnlooker, window


@click.command("run", cls=RunCommand, options_metavar="", add_help_option=False)
def run(words: tuple[str, ...]) -> None:
    """Run SCRIPT on a machine: SCRIPT [FLAGS] [-- ARGUMENTS].

    The machine is made ready, gets the script's files and the project's packages, and runs it
    in a fresh Python; what it writes appears here. It goes on if this computer does not:
    `remote-gpu attach` shows it again. Ctrl-C asks whether to leave it running or stop it.

    \b
    --machine NAME   the machine of that name; without it, the project's or this computer
    --detach         begin it, print its name, and leave it running
    --timeout TIME   stop it after that time: 90s, 10m, 1h30m
    -n, --no-stdin   it reads nothing from here
    --json           print its output as JSON lines
    --4x3090 …       a rented GPU; understood, and not available yet

    Ends with the script's exit code; from 121 on it is ours (docs/cli.md).
    """
    cut = words.index("--") if "--" in words else len(words)
    own, arguments = list(words[:cut]), words[cut + 1 :]
    as_json = JSON in own
    stdin = not any(word in own for word in NO_STDIN)
    own = [word for word in own if word != JSON and word not in NO_STDIN]
    sys.exit(carried_out(lambda here: _run(here, own, arguments, stdin=stdin), as_json=as_json))


def _run(here: Here, own: Sequence[str], arguments: Sequence[str], *, stdin: bool) -> int:
    request, script = _asked(own)
    asked = wanted(here.settings, here.registry, script, arguments, request, Path.cwd())
    machine = asked.machine.name
    stdin = stdin and not request.detach
    onlooker = TerminalOnlooker(machine, as_json=here.as_json, stdin=stdin)
    begun = _begun(here, asked, onlooker, stdin=stdin)
    try:
        if request.detach:
            here.say(begun.kernel, run=begun.kernel, machine=machine)
            here.note(f"{machine} ▸ it goes on there: remote-gpu attach {begun.kernel} shows it")
            return Exit.DONE
        return _followed(begun, onlooker, request.timeout_seconds)
    finally:
        begun.close()


def _asked(own: Sequence[str]) -> tuple[Request, str]:
    """Return what the words before `--` ask for, and the script."""
    try:
        request, operands = split(own)
    except UnknownFlagError as error:
        error.hint = f"{error.hint or ''}\nThe script's own flags follow a --.".strip()
        raise
    if not operands:
        raise RequestError("no script is named", hint="remote-gpu run train.py --machine NAME")
    if len(operands) > 1:
        raise RequestError(
            f"'{operands[1]}' is one word too many",
            hint=f"What the script is given follows a --: remote-gpu run {operands[0]} -- "
            + " ".join(operands[1:]),
        )
    for given, flag in (
        (request.attach, "attach"),
        (request.trusted, "trusted"),
        (request.offline, "offline"),
        (request.options, "option"),
    ):
        if given:
            raise RequestError(f"--{flag} says nothing to remote-gpu run.")
    return replace(request, attach=False), operands[0]


def _begun(here: Here, asked: Wanted, onlooker: TerminalOnlooker, *, stdin: bool) -> ScriptRun:
    progress = here.progress(asked.machine.name)
    with progress.shown(lambda seconds: ready_text(seconds)):
        return begin(
            here.settings,
            here.registry,
            asked,
            here.loop,
            onlooker,
            progress.told,
            stdin=stdin,
            environ=window(),
        )


def _followed(run: ScriptRun, onlooker: TerminalOnlooker, timeout: float | None = None) -> int:
    """Show a run until it ends or is left; return the exit code for it."""
    try:
        ended = run.follow(timeout)
    except BrokenPipeError:
        # whoever read our output has gone; that must end nothing there
        ended = Ended(Exit.CLOSED, left=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if ended.error is not None:
        onlooker.note("\n".join(ended.error.get("traceback", [])))
    if ended.left:
        onlooker.note(f"{run.machine} ▸ it goes on there: remote-gpu attach {run.kernel} shows it")
    elif ended.code == INTERRUPTED_CODE:
        onlooker.note(f"{run.machine} ▸ stopped")
    onlooker.ended({"run": run.kernel, "code": ended.code, "left": ended.left})
    return ended.code


@click.command("attach")
@click.argument("run", required=False)
@click.option("--machine", shell_complete=complete_machine, help="Where to look for it.")
@click.option("-n", "--no-stdin", is_flag=True, help="It reads nothing from here.")
@with_here
def attach(here: Here, run: str | None, machine: str | None, no_stdin: bool) -> int:
    """Show a run from its beginning, and go on with it; the latest script's, without RUN.

    Ends with the run's exit code, as `run` does.
    """
    one = _found(here, run, machine)
    trusted = here.settings.trusted
    way = way_to(here.settings, here.registry, one.machine)
    if one.machine != EMBEDDED_NAME:
        known = here.registry.find(one.machine)
        trusted = known.trusted
        told = here.progress(one.machine).told
        way = reached(known, here.settings, here.registry, told)
    onlooker = TerminalOnlooker(one.machine, as_json=here.as_json, stdin=not no_stdin)
    following = ScriptRun(way, one.machine, here.loop, onlooker, trusted=trusted)
    try:
        following.attach(one.kernel, one.record)
        return _followed(following, onlooker)
    finally:
        following.close()


@click.command("runs")
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


@click.command("stop")
@click.argument("run")
@click.option("--machine", shell_complete=complete_machine, help="Where to look for it.")
@with_here
def stop(here: Here, run: str, machine: str | None) -> None:
    """Stop a run: it gets Ctrl-C, and 10 s to end; a script that does not is killed.

    A notebook's cell is only interrupted: its names live on.
    """
    one = _found(here, run, machine)
    if not one.going:
        here.say(f"{one.ident} has ended already", run=one.ident, stopped=False, killed=False)
        return
    way = way_to(here.settings, here.registry, one.machine)
    killed = here.run(stop_run(way, one), f"{one.ident} to end")
    how = "was killed" if killed else "was stopped" if one.script else "was interrupted"
    here.say(f"{one.ident} {how}", run=one.ident, stopped=True, killed=killed)


def _runs(here: Here, machine: str | None) -> Runs:
    return here.run(find_runs(here.settings, here.registry, machine), "the machines to answer")


def _found(here: Here, run: str | None, machine: str | None) -> FoundRun:
    found = _runs(here, machine)
    return pick_latest(found) if run is None else pick_run(found, run)


COMMANDS = (run, attach, list_runs, stop)
