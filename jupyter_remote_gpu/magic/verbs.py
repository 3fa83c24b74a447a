"""What each verb of `%remote_gpu` does."""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.errors import NotAvailableError, RequestError
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.summary import (
    loads_text,
    losses_text,
    names_text,
    seconds_text,
    size_text,
)
from jupyter_remote_gpu.state.parting import RESULT

from . import help
from .arguments import LineCommand
from .extension import Extension, cell_count
from .name_table import details_text, table_text
from .remote_error import remote_exception


def carry_out(extension: Extension, command: LineCommand) -> Any:
    """Do what a parsed line asks for; returns its value (only `eval` has one)."""
    return _VERBS[command.verb](extension, command)


def _status(extension: Extension, command: LineCommand) -> None:
    session = extension.session
    workspace = session.workspace
    lines = [
        f"machine    {extension.machine.describe()}",
        f"workspace  {workspace.folder}{_own(workspace.folder, os.getcwd(), 'folder')}",
        f"python     {workspace.python}{_own(workspace.python, sys.executable, 'interpreter')}",
        f"trust      {_trust(extension)}",
    ]
    if session.kernel is None:
        lines.append("kernel     not started; the first %%remote_gpu cell starts it")
        print("\n".join(lines))
        return
    found = session.request(messages.Status)
    mine = [k for k in found["kernels"] if k["kernel"] == session.kernel["kernel"]]
    if mine and not mine[0]["dead"]:
        since = seconds_text(time.time() - mine[0]["started"])
        doing = "running a cell" if mine[0]["busy"] else "idle"
        lines.append(f"kernel     process {mine[0]['pid']}, {doing}, started {since} ago")
    else:
        lines.append("kernel     has ended; the next %%remote_gpu cell starts a new one")
    runs = session.runs()
    if runs:
        last = runs[-1]
        lines.append(f"runs       {len(runs)}, the last one: {last['status']}")
    if "memory_total" in found:
        free, total = size_text(found["memory_free"]), size_text(found["memory_total"])
        lines.append(f"memory     {free} free of {total}")
    lines.append(f"disk       {size_text(found['disk_free'])} free")
    gpus = [f"{g['name']}, {g['use_percent']} % busy" for g in found["gpus"]]
    lines.append(f"gpu        {', '.join(gpus) or 'none'}")
    held = sum(k["held"] for k in found["kernels"])
    if held:
        lines.append(f"warning    the disk is full: {size_text(held)} of output wait for room")
    print("\n".join(lines))


def _trust(extension: Extension) -> str:
    if extension.machine.trusted:
        return "trusted"
    scripts = "its scripts are allowed" if extension.page_permission.allowed else "no scripts"
    return f"not trusted: only data comes back, {scripts}"


def _allow_scripts(extension: Extension, command: LineCommand) -> None:
    extension.page_permission.allow()
    name = extension.machine.name
    if extension.machine.trusted:
        print(f"{name} is trusted: its scripts and widgets reach the page anyway")
        return
    print(
        f"scripts and widgets of {name} may now act in this notebook's page, as if you had written"
        " them; what was left out before comes when its cell is run again"
    )


def _own(found: str, here: str, what: str) -> str:
    return f" (the notebook's own {what})" if found == here else ""


def _names(extension: Extension, command: LineCommand) -> None:
    rows = extension.hub.table()
    if not command.names:
        print(table_text(rows))
        return
    by_name = {row.name: row for row in rows}
    unknown = [name for name in command.names if name not in by_name]
    if unknown:
        raise RequestError(
            f"there is no name {names_text(unknown)}, here or on {extension.machine.name}"
        )
    print("\n".join(details_text(by_name[name]) for name in command.names))


def _pull(extension: Extension, command: LineCommand) -> Any:
    if command.operand:
        return _evaluated(extension, command, unguarded=True)
    moved = extension.fetch(command.names, unguarded=True)
    unknown = [name for name in command.names if name not in extension.shell.user_ns]
    if unknown:
        raise RequestError(
            f"there is no name {names_text(unknown)}, here or on {extension.machine.name}"
        )
    came = ", ".join((*moved.names, *moved.unchanged))
    brought = came or "nothing, the newest values are here already"
    print(f"fetched {size_text(moved.bytes)}: {brought}")
    return None


def _push(extension: Extension, command: LineCommand) -> None:
    unknown = [name for name in command.names if name not in extension.shell.user_ns]
    if unknown:
        raise RequestError(f"there is no name {names_text(unknown)} here")
    extension.front_end.begin()
    # Mentioning a name is what makes it travel; behind a semicolon it shows nothing.
    body = "; ".join(command.names) + ";"
    outcome = extension.session.run_cell(body, body, cell_count(extension.shell), unguarded=True)
    if outcome.error is not None:
        raise remote_exception(outcome.error)
    size = size_text(sum(load.bytes for load in outcome.sent))
    what = loads_text(outcome.sent, "out") or "nothing, the machine has the newest values"
    print(f"sent {size}: {what}")


def _eval(extension: Extension, command: LineCommand) -> Any:
    return _evaluated(extension, command, unguarded=False)


def _evaluated(extension: Extension, command: LineCommand, *, unguarded: bool) -> Any:
    """Evaluate there and return the result, a copy without ties to what it is a part of."""
    try:
        ast.parse(command.operand, mode="eval")
    except SyntaxError as error:
        raise RequestError(
            f"`{command.operand}` is no expression: {error.msg}",
            hint=f"`%remote_gpu {command.verb}` takes one expression; statements go into a"
            " %%remote_gpu cell.",
        ) from None
    extension.front_end.begin()
    source = f"{RESULT} = ({command.operand})"
    outcome = extension.session.run_cell(
        source, source, cell_count(extension.shell), unguarded=unguarded
    )
    if outcome.error is not None:
        raise remote_exception(outcome.error)
    try:
        extension.fetch((RESULT,), unguarded=unguarded, asked=command.operand)
        return extension.shell.user_ns[RESULT]
    finally:
        extension.shell.user_ns.pop(RESULT, None)
        extension.hub.notebook.ran(None, (RESULT,), ())  # the machine need not keep it either


def _interrupt(extension: Extension, command: LineCommand) -> None:
    extension.session.interrupt()
    print(f"interrupted what runs on {extension.machine.name}")


def _restart(extension: Extension, command: LineCommand) -> None:
    losses = extension.session.stop()
    extension.session.ready()
    print(f"{extension.machine.name} has a fresh remote Python")
    if losses is not None:
        print(losses_text(losses))


def _stop(extension: Extension, command: LineCommand) -> None:
    losses = extension.session.stop()
    if losses is None:
        print(f"nothing was running on {extension.machine.name}")
        return
    print(f"stopped the remote Python on {extension.machine.name}")
    print(losses_text(losses))


def _recover(extension: Extension, command: LineCommand) -> None:
    found = extension.home.recover(command.names)
    if not found:
        raise RequestError(
            f"no older value of {names_text(command.names)} is kept here",
            hint="Run the cell again that made it.",
        )
    print(f"bound the values from before they were changed there: {names_text(found)}")


def _runs(extension: Extension, command: LineCommand) -> None:
    runs = extension.session.runs()
    if not runs:
        print("There are no runs yet.")
    for number, run in enumerate(runs, 1):
        began = time.strftime("%H:%M:%S", time.localtime(run["started"]))
        took = seconds_text((run["ended"] or time.time()) - run["started"])
        first = run["source"].strip().splitlines()[0][:50]
        error = f" ({run['error']})" if run["error"] else ""
        print(f"{number:>3}  {began}  {took:>8}  {run['status']}{error}  [{run['count']}] {first}")


def _attach(extension: Extension, command: LineCommand) -> None:
    session = extension.session
    left = session.survivors()
    if not left:
        raise NotAvailableError(
            "no remote Python of this notebook was left running",
            hint="A %%remote_gpu cell starts one.",
        )
    extension.front_end.begin()
    outcome = session.attach(left[-1])
    if outcome is not None and outcome.error is not None:
        raise remote_exception(outcome.error)


def _redo(extension: Extension, command: LineCommand) -> None:
    extension.front_end.begin()
    for name in command.names:
        extension.redo(name)


def _help(extension: Extension, command: LineCommand) -> None:
    print(help.line_help(command.operand))


_VERBS: dict[str, Callable[[Extension, LineCommand], Any]] = {
    "status": _status,
    "names": _names,
    "pull": _pull,
    "push": _push,
    "eval": _eval,
    "interrupt": _interrupt,
    "restart": _restart,
    "stop": _stop,
    "recover": _recover,
    "runs": _runs,
    "attach": _attach,
    "allow-scripts": _allow_scripts,
    "redo": _redo,
    "help": _help,
}
