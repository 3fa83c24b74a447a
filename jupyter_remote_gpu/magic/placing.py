"""Data that a machine has before a cell runs there: what was named, what the project wants."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_remote_gpu.commands.project_settings import ProjectSettings, WantedData
from jupyter_remote_gpu.session.cell_data import ProjectData
from jupyter_remote_gpu.session.datasets import Placed

from .joined import Joined

Placing = tuple[str, tuple[WantedData, ...], tuple[str, ...]]
"""What was placed for which kernel, and what of this computer it was then."""


def place(joined: Joined, address: str, *, called: str = "") -> Placed:
    """Have a machine hold what an address means, linked into the project; blocks.

    Shows progress; stopping the cell ends it, and what came is kept. Raises
    BadReferenceError, DatasetError, DiskFullError.
    """
    with joined.working():
        joined.session.ready()
    assert joined.session.data is not None, "every session of a notebook has one"
    with joined.named():
        return joined.session.data.place(address, called=called)


def place_all(joined: Joined, addresses: Sequence[str]) -> None:
    """Have a machine hold all that these addresses mean, before a cell runs there; blocks."""
    for address in addresses:
        place(joined, address)


class ProjectWants:
    """Places what the project's settings name, once for each kernel and each edit of them.

    Used by the thread that runs cells. A cell before which nothing is to be placed
    asks nobody; what lies on this computer is looked at, whether it changed.
    """

    def __init__(self, settings: ProjectSettings, project: ProjectData) -> None:
        self._settings = settings
        self._project = project
        self._placed: dict[str, Placing] = {}

    def data(self) -> tuple[WantedData, ...]:
        """Return what the settings name; RequestError if they cannot be understood."""
        return self._settings.data()

    def place(self, joined: Joined) -> None:
        """Have a machine hold what the settings name; its kernel is there. Raises as `place`."""
        wanted = self._settings.data()
        if not wanted:
            return
        here = [one for one in wanted if one.lies_here]
        keys = tuple(self._project.resolve(one.address, called=one.called).key for one in here)
        now = (str(joined.session.ready()["kernel"]), wanted, keys)
        if self._placed.get(joined.name) == now:
            return
        for one in wanted:
            place(joined, one.address, called=one.called)
        self._placed[joined.name] = now

    def removed(self, name: str) -> None:
        """Take it that data were removed from a machine: the next cell there looks again."""
        self._placed.pop(name, None)
