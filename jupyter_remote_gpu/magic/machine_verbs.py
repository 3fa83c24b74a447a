"""What the verbs do that look after machines: add, machines, use, trust, clean, forget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jupyter_remote_gpu.commands.adding import Added, add, new_machine
from jupyter_remote_gpu.commands.cleaning import spare_bytes, to_free
from jupyter_remote_gpu.commands.looking import look_at_all
from jupyter_remote_gpu.commands.machine_table import machines_text, notebook_text, remains_text
from jupyter_remote_gpu.commands.progress import Progress
from jupyter_remote_gpu.commands.trusting import set_trust, trust_words
from jupyter_remote_gpu.errors import RemoteGPUError, RequestError
from jupyter_remote_gpu.machines import EMBEDDED_NAME
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.summary import names_text, seconds_text, size_text

from .arguments import LineCommand
from .extension import Extension
from .verb_table import BY_NAME


def _add(extension: Extension, command: LineCommand) -> None:
    machines, request = extension.machines, command.request
    machine = new_machine(
        machines.registry,
        command.names[0],
        command.operand,
        options=request.options,
        trusted=request.trusted,
        words=BY_NAME,
    )
    progress = Progress(machine.name, extension.front_end.step_bar)
    with progress.shown(lambda seconds: f"made ready in {seconds_text(seconds)}"):
        added = add(
            machines.settings,
            machines.registry,
            machine,
            progress.told,
            machines.run,
            offline=request.offline,
        )
    print(_added_text(added))


def _added_text(added: Added) -> str:
    """Return what is said of a machine that was just added."""
    name = added.machine.name
    trust = (
        f"{name} is trusted: values of any kind come back (`%remote_gpu untrust {name}` ends that)"
        if added.machine.trusted
        else f"{name} is not trusted: only data comes back, and what it shows is cleaned; if it is"
        f" your own, `%remote_gpu trust {name}`"
    )
    use = f"%%remote_gpu --machine {name} runs a cell there, `%remote_gpu use {name}` every one"
    return f"{name} {added.text}\n{trust}\n{use}"


def _machines(extension: Extension, command: LineCommand) -> None:
    machines = extension.machines
    trusted = machines.embedded.machine.trusted
    work = look_at_all(machines.settings, machines.registry, machines.current, trusted=trusted)
    looks = machines.run(work, "the machines to answer")
    print(machines_text(looks, machines.notebook))


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
    changed = set_trust(machines.registry, name, trusted=trusted)
    now = trust_words(trusted)
    joined = machines.find(name)
    if not changed:
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
        print(
            f"\n%remote_gpu clean {name} ITEM… frees some of it, %remote_gpu clean {name} --yes"
            f" all that nothing uses but files of projects ({size_text(spare_bytes(items))})"
        )
        return
    wanted = to_free(name, items, command.names)
    done = machines.ask(name, messages.Clean, items=wanted)
    print(f"freed {size_text(done['freed'])} on {name}")
    for item, why in done["kept"].items():
        print(f"kept {item}: {why}")


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
