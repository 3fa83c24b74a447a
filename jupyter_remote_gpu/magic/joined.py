"""One machine of a notebook: what it is, and all that this notebook has of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.commands.progress import Progress, ready_text
from jupyter_remote_gpu.errors import CannotTravelError, MachineError
from jupyter_remote_gpu.machines import Machine
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.place import Place
from jupyter_remote_gpu.session.session import Session
from jupyter_remote_gpu.state.home import Home

from .coming_files import ComingFiles
from .notebook import NotebookFrontEnd
from .terminal import TerminalFrontEnd
from .untrusted.permission import PagePermission

ShellFrontEnd = NotebookFrontEnd | TerminalFrontEnd


def shell_front_end(shell: Any) -> ShellFrontEnd:
    """Return a front end for a shell: through its Jupyter kernel, if it has one."""
    return NotebookFrontEnd(shell) if hasattr(shell, "kernel") else TerminalFrontEnd(shell)


@dataclass(slots=True)
class Joined:
    """A machine that this notebook has begun to use; joined once, for the kernel's life.

    `front_end` shows what this machine shows and holds its widgets; `about` says
    in a few words each what the machine has, once it is ready. `gpu` is the
    name of its first GPU, empty if it has none, None if not asked yet. `coming`
    shows which large files are still on their way here.
    """

    machine: Machine
    home: Home
    place: Place
    session: Session
    front_end: ShellFrontEnd
    progress: Progress
    permission: PagePermission
    about: Callable[[], tuple[str, ...]] = tuple
    gpu: str | None = None
    coming: ComingFiles | None = None

    @property
    def name(self) -> str:
        """The name by which the user calls it."""
        return self.machine.name

    def has_gpu(self) -> str:
        """Return the name of its GPU, empty if it has none; asks the machine the first time."""
        if self.gpu is None:
            gpus = self.session.request(messages.Status)["gpus"]
            self.gpu = str(gpus[0]["name"]) if gpus else ""
        return self.gpu

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Let errors about a machine say that it is this one, and how one trusts it."""
        try:
            yield
        except MachineError as error:
            if error.where is None and self.name not in error.message:
                error.where = self.name
            raise
        except CannotTravelError as error:
            if self.machine.kind == "ssh" and not self.machine.trusted:
                own = f"If {self.name} is your own machine, `%remote_gpu trust {self.name}` lets"
                error.hint = f"{error.hint or ''}\n{own} values of any kind come back.".strip()
            raise

    @contextlib.contextmanager
    def working(self, summary: Callable[[float], str] | None = None) -> Iterator[None]:
        """Show in the running cell what is done to make the machine ready, and name its errors."""
        # what the machine is was said when its kernel was started
        ready = self._ready if self.session.kernel is None else ready_text
        with self.named(), self.progress.shown(summary or ready):
            yield

    def _ready(self, seconds: float) -> str:
        return ready_text(seconds, *self.about())

    def leave(self) -> None:
        """End the session; its kernel too, unless a run is going on there."""
        if self.coming is not None:
            self.coming.close()
        if isinstance(self.front_end, NotebookFrontEnd) and self.front_end.relay is not None:
            self.front_end.relay.remove()
        self.session.leave(stop=True)
