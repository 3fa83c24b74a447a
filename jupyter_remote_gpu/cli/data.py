"""`data`: data from Kaggle, the Hub or the web on a machine; what lies there, and freeing it."""

from __future__ import annotations

from pathlib import Path

import click

from jupyter_remote_gpu.commands.data import fetch_there, project_data
from jupyter_remote_gpu.commands.data_table import data_text, keys_of, missing_text, placed_text
from jupyter_remote_gpu.commands.progress import STOPPED_FETCHING
from jupyter_remote_gpu.commands.project import project_folder
from jupyter_remote_gpu.commands.project_settings import (
    ProjectSettings,
    WantedData,
    no_data_named,
    with_named,
)
from jupyter_remote_gpu.commands.runs import way_to
from jupyter_remote_gpu.commands.ways import reached
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines import EMBEDDED_NAME
from jupyter_remote_gpu.protocol.dataset_messages import ListDatasets, RemoveDatasets
from jupyter_remote_gpu.session.summary import seconds_text, size_text
from jupyter_remote_gpu.transport.base import Transport

from .carrying import with_here
from .grammar import complete_machine
from .here import Here


@click.command("data", short_help="Fetch data to a machine; list and free what lies there.")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--machine", shell_complete=complete_machine, help="The machine.")
@click.option("--project", is_flag=True, help="Fetch what the project's settings name.")
@click.option("--newest", is_flag=True, help="Ask again for the newest version.")
@click.option("--remove", is_flag=True, help="Free the room that these data take.")
@with_here
def data(
    here: Here,
    addresses: tuple[str, ...],
    machine: str | None,
    project: bool,
    newest: bool,
    remove: bool,
) -> None:
    """Fetch data straight to a machine: kaggle://OWNER/NAME, hf://datasets/ORG/NAME, https://…

    A folder or an archive of this computer is an address too: ./photos, ./photos.zip.

    Every project there finds the data without fetching them again: `remote-gpu run --datasets`,
    `%remote_gpu data`. --project fetches what the project's settings name. Without an address,
    what lies there. Without --machine, the machine that notebooks of the project use, or this
    computer.
    """
    if project and (addresses or remove):
        raise RequestError(
            "--project says which data are meant", hint="remote-gpu data --project --machine NAME"
        )
    name = machine or here.registry.default(str(project_folder(Path.cwd()))) or EMBEDDED_NAME
    way = _way(here, name)
    if remove:
        _remove(here, name, way, addresses)
    elif addresses or project or newest:
        for one in _wanted(addresses):
            _fetch(here, name, way, one, newest=newest)
    else:
        _list(here, name, way)


def _way(here: Here, name: str) -> Transport:
    if name == EMBEDDED_NAME:
        return way_to(here.settings, here.registry, name)
    told = here.progress(name).told
    return reached(here.registry.find(name), here.settings, here.registry, told)


def _wanted(addresses: tuple[str, ...]) -> tuple[WantedData, ...]:
    """Return what is to be fetched: these addresses, or what the project's settings name."""
    if addresses:
        return with_named((), addresses)
    found = ProjectSettings(Path.cwd()).data()
    if not found:
        raise no_data_named()
    return found


def _list(here: Here, name: str, way: Transport) -> None:
    rows = here.ask(name, way, ListDatasets)["datasets"]
    lines = [data_text(rows) if rows else f"no data lie on {name}: {_EXAMPLE}"]
    wanted, project = ProjectSettings(Path.cwd()).data(), project_data(here.settings, Path.cwd())
    missing = missing_text(name, rows, wanted, project)
    if missing:
        lines.append(f"{missing} remote-gpu data --project fetches them.")
    here.say("\n".join(lines), name=name, datasets=rows)


def _fetch(here: Here, name: str, way: Transport, wanted: WantedData, *, newest: bool) -> None:
    found = project_data(here.settings, Path.cwd())
    address, called = wanted.address, wanted.called
    if newest:
        found.forget(address, called=called)
    progress = here.progress(name)
    with progress.shown(lambda seconds: f"done in {seconds_text(seconds)}", STOPPED_FETCHING):
        resolved = found.resolve(address, called=called)
        source = found.source(resolved.reference)
        work = fetch_there(way, here.settings, resolved, source, address, progress.told)
        placed = here.loop.run(work, None, f"{name} to fetch {resolved.text}")
    here.say(
        placed_text(name, resolved.said, placed),
        name=name,
        data=resolved.text,
        path=placed.path,
        bytes=placed.bytes,
        files=placed.files,
    )


def _remove(here: Here, name: str, way: Transport, wanted: tuple[str, ...]) -> None:
    if not wanted:
        raise RequestError("--remove needs the name of data", hint="remote-gpu data shows them.")
    rows = here.ask(name, way, ListDatasets)["datasets"]
    done = here.ask(name, way, RemoveDatasets, keys=keys_of(name, rows, wanted))
    lines = [f"freed {size_text(done['freed'])} on {name}"]
    lines += [f"kept {key}: {why}" for key, why in done["kept"].items()]
    here.say("\n".join(lines), name=name, **done)


_EXAMPLE = "`remote-gpu data kaggle://OWNER/NAME` fetches some"
COMMANDS = (data,)
