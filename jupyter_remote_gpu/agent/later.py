"""The parts of an agent that its first answers do not need: loaded behind these.

Whoever connects to a machine whose agent has ended waits for a new one, and then for
a kernel. What deals with files and data is a good part of what an agent loads; it is
loaded while the kernel starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .datasets.fetches import Datasets
    from .projects import Projects
    from .remains import Remains


class LaterParts:
    """Makes each part when it is first asked for. Used in the agent's loop.

    `base` is the folder of all that is ours on the machine, `root` the one this
    package lies in; `kernels` describes the agent's kernels, `building` says whether
    an environment is being built.
    """

    def __init__(
        self,
        base: Path,
        root: Path,
        kernels: Callable[[], Iterable[Mapping[str, Any]]],
        building: Callable[[], bool],
    ) -> None:
        self._base = base
        self._root = root
        self._kernels = kernels
        self._building = building
        self._projects: Projects | None = None
        self._datasets: Datasets | None = None
        self._remains: Remains | None = None

    async def load(self) -> None:
        """Load all, in a thread: whoever asks for a part meanwhile waits for that."""
        await asyncio.to_thread(_load)

    @property
    def projects(self) -> Projects:
        """The files of all workspaces."""
        if self._projects is None:
            from .projects import Projects

            self._projects = Projects(self._base)
        return self._projects

    @property
    def datasets(self) -> Datasets:
        """The data of all workspaces."""
        if self._datasets is None:
            from .datasets.fetches import Datasets

            self._datasets = Datasets(self._base)
        return self._datasets

    @property
    def remains(self) -> Remains:
        """What lies on the machine, and freeing it."""
        if self._remains is None:
            from .remains import Remains, living

            kernels = self._kernels
            self._remains = Remains(
                self._base, self._root, lambda: living(kernels()), self._building
            )
        return self._remains

    @property
    def busy(self) -> bool:
        """Whether files or data are just being worked on."""
        return any(part is not None and part.busy for part in (self._projects, self._datasets))

    async def store_bytes(self) -> int:
        """Return how much the chunks of all workspaces take."""
        from .remains import store_bytes

        return await asyncio.to_thread(store_bytes, self._base)

    async def close(self) -> None:
        """Let go of all; waits until what is under way is done."""
        if self._datasets is not None:
            await self._datasets.close()
        if self._projects is not None:
            await asyncio.to_thread(self._projects.close)


def _load() -> None:
    from . import projects, remains
    from .datasets import fetches

    _ = projects, remains, fetches
