"""`run` and `attach`: a script on a machine, from its beginning or taken up again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from jupyter_remote_gpu.commands.came_back import came_lines
from jupyter_remote_gpu.commands.progress import ready_text
from jupyter_remote_gpu.commands.running import Wanted, begin, wanted
from jupyter_remote_gpu.commands.runs import way_to
from jupyter_remote_gpu.commands.syncing import sync_of_run
from jupyter_remote_gpu.commands.ways import reached
from jupyter_remote_gpu.errors import RemoteGPUError, RequestError, TooMuchError, UnknownFlagError
from jupyter_remote_gpu.machines import EMBEDDED_NAME, Request, split
from jupyter_remote_gpu.session.script import INTERRUPTED_CODE, Ended, ScriptRun
from jupyter_remote_gpu.session.summary import seconds_text

from .carrying import carried_out, with_here
from .exits import Exit
from .files import may_go, report_fields
from .grammar import JSON, NO_STDIN, RunCommand, complete_machine
from .here import Here
from .onlooker import TerminalOnlooker, window
from .runs import found_run


@click.command(
    "run",
    short_help="Run a script on a machine.",
    cls=RunCommand,
    options_metavar="",
    add_help_option=False,
)
def run(words: tuple[str, ...]) -> None:
    """Run SCRIPT on a machine: SCRIPT [FLAGS] [-- ARGUMENTS].

    The machine is made ready, gets the project's files and packages, and runs it in a fresh
    Python; what it prints appears here, and the files it writes are here at its end. It goes
    on if this computer does not: `remote-gpu attach` shows it again. Ctrl-C asks whether to
    leave it running or stop it.

    \b
    --machine NAME   the machine of that name; without it, the project's or this computer
    --detach         begin it, print its name, and leave it running
    --datasets REF   data that the machine is to have first, as data/NAME; several by commas
    --timeout TIME   stop it after that time: 90s, 10m, 1h30m
    --yes            send however much the project is
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
    try:
        begun = _begun(here, asked, onlooker, stdin=stdin, all_goes=request.yes)
    except TooMuchError as error:
        if not may_go(here, error):
            raise
        begun = _begun(here, asked, onlooker, stdin=stdin, all_goes=True)
    try:
        if request.detach:
            here.say(begun.kernel, run=begun.kernel, machine=machine)
            here.note(f"{machine} ▸ it goes on there: remote-gpu attach {begun.kernel} shows it")
            return Exit.DONE
        return _followed(here, begun, onlooker, request.timeout_seconds)
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


def _begun(
    here: Here, asked: Wanted, onlooker: TerminalOnlooker, *, stdin: bool, all_goes: bool
) -> ScriptRun:
    progress = here.progress(asked.machine.name)
    about: tuple[str, ...] = ()
    with onlooker.held(), progress.shown(lambda seconds: ready_text(seconds, *about)):
        begun = begin(
            here.settings,
            here.registry,
            asked,
            here.loop,
            onlooker,
            progress.told,
            stdin=stdin,
            environ=window(),
            all_goes=all_goes,
        )
        about = begun.about
        return begun


def _followed(
    here: Here, run: ScriptRun, onlooker: TerminalOnlooker, timeout: float | None = None
) -> int:
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
    code = ended.code if ended.left else _brought_back(here, run, onlooker, ended.code)
    onlooker.ended({"run": run.kernel, "code": code, "left": ended.left})
    return code


def _brought_back(here: Here, run: ScriptRun, onlooker: TerminalOnlooker, code: int) -> int:
    """Bring back what a run that has ended wrote; return the exit code, which stays the run's."""
    machine = run.machine
    progress = here.progress(machine)
    try:
        with progress.shown(lambda seconds: f"files brought back in {seconds_text(seconds)}"):
            report = run.bring_back(progress.told)
    except KeyboardInterrupt:
        onlooker.note(f"{machine} ▸ the next run brings the rest of its files, or remote-gpu sync")
        return code or Exit.INTERRUPTED
    except (RemoteGPUError, OSError) as error:
        why = error.message if isinstance(error, RemoteGPUError) else str(error)
        onlooker.note(
            f"{machine} ▸ it has ended, but not all it wrote could be brought here: {why}"
        )
        onlooker.note("Nothing is lost there; remote-gpu sync brings it.")
        return code or Exit.FAILED
    if report is not None:
        for line in came_lines(machine, report):
            onlooker.note(f"{machine} ▸ {line}")
        onlooker.brought(report_fields(machine, report))
    return code


@click.command("attach", short_help="Show a run from its beginning, and go on with it.")
@click.argument("run", required=False)
@click.option("--machine", shell_complete=complete_machine, help="Where to look for it.")
@click.option("-n", "--no-stdin", is_flag=True, help="It reads nothing from here.")
@with_here
def attach(here: Here, run: str | None, machine: str | None, no_stdin: bool) -> int:
    """Show a run from its beginning, and go on with it; the latest script's, without RUN.

    What it wrote is brought here at its end. Ends with the run's exit code, as `run` does.
    """
    one = found_run(here, run, machine)
    trusted = here.settings.trusted
    way = way_to(here.settings, here.registry, one.machine)
    if one.machine != EMBEDDED_NAME:
        known = here.registry.find(one.machine)
        trusted = known.trusted
        told = here.progress(one.machine).told
        way = reached(known, here.settings, here.registry, told)
    onlooker = TerminalOnlooker(one.machine, as_json=here.as_json, stdin=not no_stdin)
    files = sync_of_run(here.settings, here.registry, one)
    following = ScriptRun(way, one.machine, here.loop, onlooker, trusted=trusted, files=files)
    try:
        following.attach(one.kernel, one.record)
        return _followed(here, following, onlooker)
    finally:
        following.close()


COMMANDS = (run, attach)
