"""What each verb of `%remote_gpu` does: names and values, and the table of all verbs."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.session.summary import loads_text, names_text, size_text
from jupyter_remote_gpu.state.analysis import footprint
from jupyter_remote_gpu.state.parting import RESULT

from . import data_verbs, file_verbs, help, kernel_verbs, machine_verbs
from .arguments import LineCommand, parse_paths
from .extension import Extension
from .joined import Joined
from .name_table import details_text, table_text
from .pulling import is_expression
from .remote_error import remote_exception


def carry_out(extension: Extension, command: LineCommand) -> Any:
    """Do what a parsed line asks for; returns its value (only `eval` and `pull` have one)."""
    return _VERBS[command.verb](extension, command)


def _names(extension: Extension, command: LineCommand) -> None:
    rows = extension.hub.table()
    if not command.names:
        print(table_text(rows))
        return
    by_name = {row.name: row for row in rows}
    unknown = [name for name in command.names if name not in by_name]
    if unknown:
        raise _no_name(extension, unknown)
    print("\n".join(details_text(by_name[name]) for name in command.names))


def _no_name(extension: Extension, names: list[str]) -> RequestError:
    machines = " or ".join(one.name for one in extension.machines.joined)
    return RequestError(f"there is no name {names_text(names)}, here or on {machines}")


def _pull(extension: Extension, command: LineCommand) -> Any:
    """Bring values of names, an expression's value, or files: what is no name is a path there."""

    def is_known(name: str) -> bool:
        return name in extension.shell.user_ns or extension.hub.owner(name) is not None

    if command.operand and is_expression(command.operand, is_known):
        return _evaluated(extension, command, unguarded=True)
    words = parse_paths(command.operand) if command.operand else command
    names = [word for word in words.names if word.isidentifier() and is_known(word)]
    paths = [word for word in words.names if word not in names]
    if paths:
        file_verbs.pull_files(extension, words.request, paths)
    if names:
        _pull_names(extension, names)
    return None


def _pull_names(extension: Extension, names: list[str]) -> None:
    moved = extension.fetch(names, unguarded=True)
    came = ", ".join((*moved.names, *moved.unchanged))
    brought = came or "nothing, the newest values are here already"
    print(f"fetched {size_text(moved.bytes)}: {brought}")


def _push(extension: Extension, command: LineCommand) -> None:
    unknown = [name for name in command.names if name not in extension.shell.user_ns]
    if unknown:
        raise RequestError(f"there is no name {names_text(unknown)} here")
    # Mentioning a name is what makes it travel; behind a semicolon it shows nothing.
    body = "; ".join(command.names) + ";"
    joined = extension.machines.chosen(command.request)
    outcome = extension.run(joined, body, unguarded=True)
    if outcome.error is not None:
        raise remote_exception(outcome.error)
    size = size_text(sum(load.bytes for load in outcome.sent))
    has = f"nothing, {joined.name} has the newest values"
    print(f"sent {size}: {loads_text(outcome.sent, 'out') or has}")


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
    source = f"{RESULT} = ({command.operand})"
    outcome = extension.run(_where(extension, command), source, unguarded=unguarded)
    if outcome.error is not None:
        raise remote_exception(outcome.error)
    try:
        extension.fetch((RESULT,), unguarded=unguarded, asked=command.operand)
        return extension.shell.user_ns[RESULT]
    finally:
        extension.shell.user_ns.pop(RESULT, None)
        extension.hub.notebook.ran(None, (RESULT,), ())  # the machine need not keep it either


def _where(extension: Extension, command: LineCommand) -> Joined:
    """Return the machine for an expression: the one that has what it mentions, if one has all."""
    mentioned = footprint(ast.parse(command.operand)).reads
    owners = [extension.hub.owner(name) for name in sorted(mentioned)]
    having = {id(owner): owner for owner in owners if owner is not None}
    if command.request.machine is None and len(having) == 1:
        return extension.machines.of(next(iter(having.values())))
    return extension.machines.chosen(command.request)


def _recover(extension: Extension, command: LineCommand) -> None:
    found = [name for home in extension.hub.homes for name in home.recover(command.names)]
    if not found:
        raise RequestError(
            f"no older value of {names_text(command.names)} is kept here",
            hint="Run the cell again that made it.",
        )
    print(f"bound the values from before they were changed there: {names_text(found)}")


def _redo(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    joined.front_end.begin()
    for name in command.names:
        extension.redo(joined, name)


def _help(extension: Extension, command: LineCommand) -> None:
    print(help.line_help(command.operand))


_VERBS: dict[str, Callable[[Extension, LineCommand], Any]] = {
    "names": _names,
    "pull": _pull,
    "push": _push,
    "eval": _eval,
    "recover": _recover,
    "redo": _redo,
    "help": _help,
    **data_verbs.VERBS,
    **file_verbs.VERBS,
    **kernel_verbs.VERBS,
    **machine_verbs.VERBS,
}
