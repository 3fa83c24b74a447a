"""What the verbs do that look after machines: add, machines, use, trust, clean, forget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jupyter_remote_gpu.errors import RemoteGPUError, RequestError
from jupyter_remote_gpu.machines import EMBEDDED_NAME
from jupyter_remote_gpu.machines.known import KnownMachine, check_name, parse_host
from jupyter_remote_gpu.machines.registry import name_taken, new_token
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.summary import names_text, size_text

from .adding import added_text, make_ready
from .arguments import LineCommand
from .extension import Extension
from .looking import look_at_all
from .machine_table import machines_text, notebook_text, remains_text
from .verb_table import BY_NAME


def _add(extension: Extension, command: LineCommand) -> None:
    machines, request = extension.machines, command.request
    name = command.names[0]
    check_name(name, frozenset(BY_NAME))
    host, port = parse_host(command.operand)
    known = machines.registry.machines()
    if name in known:
        raise name_taken(known[name])
    options = tuple(word for option in request.options for word in ("-o", option))
    machine = KnownMachine(name, host, (*port, *options), request.trusted, token=new_token())
    try:
        machine, text = make_ready(extension, machine)
    except RemoteGPUError as error:
        if not request.offline:
            hint = f"{name} was not added; --offline adds a machine that is to be reached later."
            error.hint = f"{error.hint}\n{hint}" if error.hint else hint
            raise
        text = f"is added, and could not be reached now: {error}"
    machines.registry.add(machine)
    print(added_text(machine, text))


def _machines(extension: Extension, command: LineCommand) -> None:
    print(machines_text(look_at_all(extension.machines), extension.machines.notebook))


def _use(extension: Extension, command: LineCommand) -> None:
    machines = extension.machines
    name = command.request.machine
    if name is None:
        known = ", ".join(machines.known())
        print(f"this notebook uses {machines.current}; known are {known}")
        return
    machine = machines.use(name)
    print(f"this notebook uses {machine.describe()} from now on")


def _trust(extension: Extension, command: LineCommand) -> None:
    _set_trust(extension, command, trusted=True)


def _untrust(extension: Extension, command: LineCommand) -> None:
    _set_trust(extension, command, trusted=False)


def _set_trust(extension: Extension, command: LineCommand, *, trusted: bool) -> None:
    machines, name = extension.machines, _name(command)
    if name == EMBEDDED_NAME:
        raise RequestError(
            "whether the embedded machine is trusted is a setting",
            hint="c.RemoteGPU.trusted, or JUPYTER_REMOTE_GPU_TRUSTED=0.",
        )
    before = machines.registry.find(name)
    scripts = before.scripts and trusted
    machines.registry.change(name, trusted=trusted, scripts=scripts)
    now = "trusted" if trusted else "not trusted: only data comes back from it"
    joined = machines.find(name)
    if before.trusted == trusted:
        print(f"{name} is {now}, as it was")
    elif joined is None:
        print(f"{name} is {now}")
    else:
        print(
            f"{name} is {now}, from the next session on: restart this notebook's kernel. Until"
            " then it stays as it was"
        )


def _clean(extension: Extension, command: LineCommand) -> None:
    machines, name = extension.machines, _name(command)
    items = machines.ask(name, messages.Remains)["items"]
    if not items:
        print(f"nothing lies on {name}")
        return
    if not command.names and not command.request.yes:
        print(remains_text(items))
        free = sum(item["bytes"] for item in items if _is_spare(item))
        print(
            f"\n%remote_gpu clean {name} ITEM… frees some of it, %remote_gpu clean {name} --yes"
            f" all that nothing uses but files of projects ({size_text(free)})"
        )
        return
    wanted = list(command.names) or [str(item["item"]) for item in items if _is_spare(item)]
    known = {str(item["item"]) for item in items}
    unknown = [item for item in wanted if item not in known]
    if unknown:
        raise RequestError(
            f"there is nothing called {names_text(unknown)} on {name}",
            hint=f"%remote_gpu clean {name} shows what there is.",
        )
    done = machines.ask(name, messages.Clean, items=wanted)
    print(f"freed {size_text(done['freed'])} on {name}")
    for item, why in done["kept"].items():
        print(f"kept {item}: {why}")


def _is_spare(item: Mapping[str, Any]) -> bool:
    """Whether an item can be made again and nothing uses it; files that cells wrote cannot."""
    return not item["by"] and item["kind"] != "files"


def _forget(extension: Extension, command: LineCommand) -> None:
    machines, name = extension.machines, _name(command)
    if name == EMBEDDED_NAME:
        raise RequestError("the embedded machine is always there; it cannot be forgotten")
    machines.registry.find(name)
    joined = machines.find(name)
    if joined is not None and joined.session.kernel is not None:
        raise RequestError(
            f"this notebook has a remote Python on {name}",
            hint=f"`%remote_gpu stop {name}` ends it; then forget.",
        )
    if command.request.yes:
        machines.forget(name)
        print(f"{name} is forgotten; what lies there stays")
        return
    try:
        kernels = machines.ask(name, messages.ListKernels, make_ready=False)["kernels"]
        items = machines.ask(name, messages.Remains, make_ready=False)["items"]
    except RemoteGPUError as error:
        print(f"what remains on {name} could not be looked at: {error.message}")
    else:
        _tell_remains(name, items, kernels, machines.notebook)
    print(f"%remote_gpu forget {name} --yes forgets it; what lies there stays")


def _tell_remains(
    name: str,
    items: Sequence[Mapping[str, Any]],
    kernels: Sequence[Mapping[str, Any]],
    notebook: str,
) -> None:
    if items:
        size = size_text(sum(item["bytes"] for item in items))
        print(f"on {name} remain {size}; %remote_gpu clean {name} --yes frees them first")
        print(remains_text(items))
    alive = [kernel for kernel in kernels if not kernel["dead"]]
    if alive:
        whose = [notebook_text(kernel["notebook"], notebook) for kernel in alive]
        print(f"kernels go on there: {names_text(whose)}")


def _name(command: LineCommand) -> str:
    assert command.request.machine is not None, "the parser has seen to that"
    return command.request.machine


VERBS: dict[str, Callable[[Extension, LineCommand], Any]] = {
    "add": _add,
    "machines": _machines,
    "use": _use,
    "trust": _trust,
    "untrust": _untrust,
    "clean": _clean,
    "forget": _forget,
}
