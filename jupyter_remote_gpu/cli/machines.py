"""`add`, `forget`, `machines`, `trust`, `untrust`, `clean`: the machines one has."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from jupyter_remote_gpu.commands.adding import add, new_machine
from jupyter_remote_gpu.commands.cleaning import spare_bytes, to_free
from jupyter_remote_gpu.commands.looking import look_at_all
from jupyter_remote_gpu.commands.machine_table import Look, machines_text, remains_text
from jupyter_remote_gpu.commands.runs import way_to
from jupyter_remote_gpu.commands.trusting import set_trust, trust_words
from jupyter_remote_gpu.commands.ways import reached
from jupyter_remote_gpu.errors import RemoteGPUError, RequestError
from jupyter_remote_gpu.machines import EMBEDDED_NAME, Request, split
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.scripts import script_of
from jupyter_remote_gpu.session.summary import seconds_text, size_text
from jupyter_remote_gpu.transport.base import Transport

from .carrying import carried_out, with_here
from .exits import Exit
from .grammar import JSON, GrammarCommand, complete_machine
from .here import Here, error_fields

_name = click.argument("name", shell_complete=complete_machine)
_yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.command(
    "add",
    short_help="Add a machine that ssh reaches.",
    cls=GrammarCommand,
    options_metavar="",
    add_help_option=False,
)
def add_machine(words: tuple[str, ...]) -> None:
    """Add a machine that ssh reaches and make it ready: NAME HOST [FLAGS].

    HOST is a name of your ~/.ssh/config, or [user@]host[:port].

    \b
    --trusted       it is your own: values of any kind may come back
    --offline       remember it though it cannot be reached now
    -o SSHOPTION    an option for ssh such as ProxyJump=gate; also several
    -p, -i, -J, -l  what they mean to ssh
    --json          print JSON for a program
    """
    own = [word for word in words if word != JSON]
    sys.exit(carried_out(lambda here: _add(here, own), as_json=JSON in words))


def _add(here: Here, words: Sequence[str]) -> None:
    request, operands = split(words)
    if len(operands) != 2:
        raise RequestError(
            f"add needs a name and a host, and was given {len(operands)} words",
            hint="remote-gpu add gpu-box me@192.168.1.20",
        )
    if request != Request(
        trusted=request.trusted, offline=request.offline, options=request.options
    ):
        raise RequestError(
            f"what was asked for ({request.describe()}) says nothing to remote-gpu add",
            hint="It takes --trusted, --offline and options for ssh.",
        )
    name, host = operands
    trusted, offline = request.trusted, request.offline
    machine = new_machine(here.registry, name, host, options=request.options, trusted=trusted)
    progress = here.progress(name)
    with progress.shown(lambda seconds: f"made ready in {seconds_text(seconds)}"):
        added = add(here.settings, here.registry, machine, progress.told, here.run, offline=offline)
    trust = trust_words(trusted) + ("" if trusted else f"; your own? remote-gpu trust {name}")
    trouble = None if added.trouble is None else error_fields(added.trouble)
    seen = added.machine.seen
    use = f"remote-gpu run SCRIPT --machine {name} runs there"
    here.say(
        f"{name} {added.text}\n{name} is {trust}\n{use}",
        name=name,
        host=machine.host,
        trusted=trusted,
        reached=added.trouble is None,
        trouble=trouble,
        gpus=[] if seen is None else list(seen.gpus),
        disk_free=None if seen is None else seen.disk_free,
        notes=list(added.notes),
    )


@click.command("machines", short_help="List your machines.")
@with_here
def list_machines(here: Here) -> None:
    """List your machines: reached or not, their GPUs, disks, and what runs there."""
    trusted = here.settings.trusted
    work = look_at_all(here.settings, here.registry, "", trusted=trusted)
    looks = here.run(work, "the machines to answer")
    here.say(machines_text(looks, ""), machines=[_look_fields(look) for look in looks])


def _look_fields(look: Look) -> dict[str, Any]:
    found, seen = look.found, look.seen
    gpus = [gpu["name"] for gpu in found["gpus"]] if found else list(seen.gpus if seen else ())
    kernels = [k for k in found["kernels"] if not k["dead"]] if found else []
    return {
        "name": look.name,
        "trusted": look.trusted,
        "reached": found is not None,
        "trouble": look.trouble,
        "gpus": gpus,
        "disk_free": found["disk_free"] if found else (seen.disk_free if seen else None),
        "kernels": [{"of": _whose(k), "busy": k["busy"]} for k in kernels],
        "last_seen": seen.at if seen else None,
    }


def _whose(kernel: Mapping[str, Any]) -> str:
    """Return the path of the script or notebook that a kernel runs for."""
    return script_of(kernel["notebook"]) or str(kernel["notebook"])


@click.command("trust", short_help="Say that a machine is your own.")
@_name
@with_here
def trust(here: Here, name: str) -> None:
    """Say that a machine is your own: values of any kind may come back from it."""
    _trust(here, name, trusted=True)


@click.command("untrust", short_help="Say that a machine is not trusted.")
@_name
@with_here
def untrust(here: Here, name: str) -> None:
    """Say that a machine is not trusted: only data comes back from it."""
    _trust(here, name, trusted=False)


def _trust(here: Here, name: str, *, trusted: bool) -> None:
    changed = set_trust(here.registry, name, trusted=trusted)
    as_before = "" if changed else ", as it was"
    said = f"{name} is {trust_words(trusted)}{as_before}"
    if changed:
        said += "; notebooks that use it already: from their next session on"
    here.say(said, name=name, trusted=trusted, changed=changed)


@click.command("clean", short_help="Show and free what of ours lies on a machine.")
@_name
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@_yes
@with_here
def clean(here: Here, name: str, items: tuple[str, ...], yes: bool) -> int | None:
    """Show what of ours lies on a machine, and free it: the ITEMs, or what nothing uses.

    Files of projects are freed only by name.
    """
    way = _full_way(here, name)
    found = here.ask(name, way, messages.Remains)["items"]
    if not items and not yes:
        free = size_text(spare_bytes(found))
        more = f"\nremote-gpu clean {name} --yes frees what nothing uses ({free})" if found else ""
        text = remains_text(found) if found else f"nothing lies on {name}"
        here.say(text + more, name=name, items=found)
        return None
    chosen = to_free(name, found, items)
    if items and not here.confirmed(f"Free {', '.join(items)} on {name}?", yes=yes):
        return Exit.TROUBLE
    done = here.ask(name, way, messages.Clean, items=chosen)
    lines = [f"freed {size_text(done['freed'])} on {name}"]
    lines += [f"kept {item}: {why}" for item, why in done["kept"].items()]
    here.say("\n".join(lines), name=name, **done)
    return None


def _full_way(here: Here, name: str) -> Transport:
    if name == EMBEDDED_NAME:
        return way_to(here.settings, here.registry, name)
    machine = here.registry.find(name)
    return reached(machine, here.settings, here.registry, here.progress(name).told)


@click.command("forget", short_help="Remember a machine no longer.")
@_name
@_yes
@with_here
def forget(here: Here, name: str, yes: bool) -> int | None:
    """Remember a machine no longer; what lies there stays there."""
    if name == EMBEDDED_NAME:
        raise RequestError("the embedded machine is always there; it cannot be forgotten")
    here.registry.find(name)
    if not yes:
        for line in _what_remains(here, name):
            here.note(line)
        if not here.confirmed(f"Forget {name}?", yes=yes):
            return Exit.TROUBLE
    here.registry.forget(name)
    here.say(f"{name} is forgotten; what lies there stays", name=name, forgotten=True)
    return None


def _what_remains(here: Here, name: str) -> Sequence[str]:
    try:
        way = way_to(here.settings, here.registry, name)
        items = here.ask(name, way, messages.Remains)["items"]
        kernels = here.ask(name, way, messages.ListKernels)["kernels"]
    except RemoteGPUError as error:
        return [f"what remains on {name} could not be looked at: {error.message}"]
    lines = []
    if items:
        size = size_text(sum(item["bytes"] for item in items))
        lines += [f"on {name} remain {size}; remote-gpu clean {name} --yes frees them first"]
        lines += remains_text(items).splitlines()
    alive = [_whose(kernel) for kernel in kernels if not kernel["dead"]]
    if alive:
        lines.append(f"kernels go on there: {', '.join(alive)}")
    return lines


COMMANDS = (add_machine, list_machines, trust, untrust, clean, forget)
