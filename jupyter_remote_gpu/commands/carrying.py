"""How files of this computer get to a machine as a whole folder."""

from __future__ import annotations

from pathlib import Path

from jupyter_remote_gpu.datasets.unpacked import unpacked
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.session.datasets import Carry
from jupyter_remote_gpu.transport.base import Transport

from .settings import Settings


def carry_to(way: Transport, settings: Settings) -> Carry:
    """Return what unpacks an archive of ours below a machine's base, whole or not at all.

    It blocks; a folder that is there already stays as it is. The embedded
    machine's base is on this computer, so nothing is sent there.
    """
    if isinstance(way, ReachedMachine):
        return way.carry
    home = settings.home

    def carry(archive: Path, folder: str) -> None:
        place = home / folder
        if not place.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            unpacked(archive, place)

    return carry
