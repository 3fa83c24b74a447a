"""What `%remote_gpu data` does: places data on a machine, lists what lies there, removes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.commands.data_table import data_text, keys_of, missing_text, placed_text
from jupyter_remote_gpu.commands.project_settings import WantedData, no_data_named
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.protocol.dataset_messages import ListDatasets, RemoveDatasets
from jupyter_remote_gpu.session.summary import size_text

from .arguments import LineCommand
from .data_flags import NEWEST, REMOVE
from .extension import Extension
from .placing import place


def _data(extension: Extension, command: LineCommand) -> None:
    if command.operand == REMOVE:
        _remove(extension, command)
    elif command.names or command.operand == NEWEST:
        _place(extension, command)
    else:
        _list(extension, command)


def _place(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    joined.front_end.begin()
    data = extension.machines.data
    for one in _wanted(extension, command):
        if command.operand == NEWEST:
            data.forget(one.address, called=one.called)
        placed = place(joined, one.address, called=one.called)
        resolved = data.resolve(one.address, called=one.called)
        print(placed_text(joined.name, resolved.said, placed))


def _wanted(extension: Extension, command: LineCommand) -> tuple[WantedData, ...]:
    """Return what is to be placed: what the line names, else what the project's settings do."""
    if command.names:
        return tuple(WantedData(address, command.called) for address in command.names)
    found = extension.wants.data()
    if not found:
        raise no_data_named()
    return found


def _list(extension: Extension, command: LineCommand) -> None:
    name = _machine(extension, command)
    rows = extension.machines.ask(name, ListDatasets)["datasets"]
    print(data_text(rows) if rows else f"no data lie on {name}: {_EXAMPLE}")
    missing = missing_text(name, rows, extension.wants.data(), extension.machines.data)
    if missing:
        print(f"{missing} The next cell there fetches them.")


def _remove(extension: Extension, command: LineCommand) -> None:
    name = _machine(extension, command)
    if not command.names:
        raise RequestError(
            "--remove needs the name of data.", hint="%remote_gpu data shows what there is."
        )
    rows = extension.machines.ask(name, ListDatasets)["datasets"]
    keys = keys_of(name, rows, command.names)
    done = extension.machines.ask(name, RemoveDatasets, keys=keys)
    extension.wants.removed(name)
    print(f"freed {size_text(done['freed'])} on {name}")
    for key, why in done["kept"].items():
        print(f"kept {key}: {why}")


def _machine(extension: Extension, command: LineCommand) -> str:
    """Return the machine that is meant; it need not be joined."""
    request, machines = command.request, extension.machines
    if request.machine is None and not request.local and not request.cpu:
        return machines.current
    return machines.chosen(request).name


_EXAMPLE = "`%remote_gpu data kaggle://OWNER/NAME` fetches some"
VERBS: dict[str, Callable[[Extension, LineCommand], Any]] = {"data": _data}
