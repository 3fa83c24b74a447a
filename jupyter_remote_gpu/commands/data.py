"""Datasets of a project: what its addresses mean, and where a machine is to have them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_remote_gpu.datasets.remembered import Remembered
from jupyter_remote_gpu.datasets.source import Resolved, Source
from jupyter_remote_gpu.datasets.sources import Sources
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.asking import asking
from jupyter_remote_gpu.session.cell_data import CellData, ProjectData
from jupyter_remote_gpu.session.datasets import Carry, Placed, Placement, Where
from jupyter_remote_gpu.session.place import Workspace
from jupyter_remote_gpu.transport.base import Transport

from .carrying import carry_to
from .project_settings import WantedData
from .settings import Settings

if TYPE_CHECKING:
    # `dataset` in a plain script has no use for what runs scripts on machines
    from jupyter_remote_gpu.session.script import ScriptRun


def project_data(settings: Settings, folder: Path, sources: Sources | None = None) -> ProjectData:
    """Return the datasets of the project whose notebook lies in a folder of this computer."""
    return ProjectData(folder, sources or Sources(), Remembered(remembered_file(settings, folder)))


def remembered_file(settings: Settings, folder: Path) -> Path:
    """Return the file that knows which version an address was found to mean in a project."""
    mark = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=8).hexdigest()
    return settings.settings.parent / "datasets" / f"{mark}.json"


def place_for_script(
    run: ScriptRun,
    settings: Settings,
    folder: Path,
    wanted: Sequence[WantedData],
    where: tuple[Where, str],
    told: Told,
    carry: Carry,
) -> None:
    """Have a machine hold all that a script wants, before it runs there; blocks.

    `folder` is the one here that local paths are relative to; `where` the project
    there and the folder below it that the script runs in. Raises as `CellData.place`.
    """
    data = CellData(
        project_data(settings, folder),
        run.with_client,
        lambda: where,
        told,
        lambda summary: contextlib.nullcontext(),
        trusted=True,
        carry=carry,
    )
    for one in wanted:
        data.place(one.address, called=one.called)


async def fetch_there(
    way: Transport, settings: Settings, resolved: Resolved, source: Source, address: str, told: Told
) -> Placed:
    """Have a machine hold data, linked into no project; called in an event loop.

    Cancelled, it ends the download and keeps what came. Raises as `Placement.run`.
    """
    carry = carry_to(way, settings)
    async with asking(way) as client:
        placement = Placement(client, resolved, source, Where(), asked=address, carry=carry)
        return await placement.run(told)


def where_of(workspace: Workspace, subfolder: str) -> tuple[Where, str]:
    """Return the project that a kernel works in, and the notebook's folder below it."""
    if workspace.name:
        return Where(workspace=workspace.name), subfolder
    return Where(folder=workspace.folder), ""
