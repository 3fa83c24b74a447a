"""A project's files around the runs of a session: before one begins, and after its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.transport.base import Transport

from .place import Ask
from .sync import ProjectSync
from .sync_report import Carried

MOST_TRIES = 3
"""So often a run is begun anew because somebody changes the files there all the time."""


class FilesOfRuns:
    """Keeps a place's files in step with a session's runs; does nothing where it has none.

    `say` shows lines to the user. Used by the thread that runs cells.
    """

    def __init__(
        self, files: Callable[[], ProjectSync | None], say: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._files = files
        self._say = say
        self._carried: Carried | None = None

    def prepare(self, ask: Ask, transport: Transport) -> None:
        """Have the files there, or what the next run's request carries of them."""
        files = self._files()
        if files is not None:
            files.use(ask, transport)
            self._carried = None
            self._carried = files.before_run()
            self._say(self._carried.lines)

    @property
    def prepared(self) -> bool:
        """Whether `prepare` was called for the run that comes next, or need not be."""
        return self._carried is not None

    def request(
        self, blobs: Sequence[Buffer]
    ) -> tuple[type[messages.Message], tuple[Buffer, ...], dict[str, Any]]:
        """Return what kind of request a run is, with which blobs and further fields."""
        carried, self._carried = self._carried, None
        if carried is None or not carried.fields:
            return messages.Run, tuple(blobs), {}
        return project.RunWith, (*blobs, *carried.blobs), {"project": dict(carried.fields)}

    def during(self) -> contextlib.AbstractContextManager[None]:
        """Return a block in which what a run writes comes back now and then."""
        files = self._files()
        return contextlib.nullcontext() if files is None else files.during_run()

    def refused(self, ask: Ask, transport: Transport) -> None:
        """The run was not begun, as the files there were others: bring both together again."""
        files = self._files()
        if files is not None:
            files.run_refused()
            self.prepare(ask, transport)

    def after(self, ask: Ask, transport: Transport) -> None:
        """Bring back what a run wrote. What fails there is told: the run has ended as it did."""
        files = self._files()
        if files is None:
            return
        try:
            files.use(ask, transport)
            self._say(files.after_run())
        except RemoteGPUError as error:
            self._say((f"the files that the cell wrote are not here yet: {error}",))

    def close(self) -> None:
        """Stop watching, and bring nothing more in the background; it goes on another time."""
        files = self._files()
        if files is not None:
            files.close()

    def wrote(self, word: project.Wrote) -> None:
        """Take the agent's word of how the files are; called in the loop."""
        files = self._files()
        if files is not None:
            files.is_now(word.root)
