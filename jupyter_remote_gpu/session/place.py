"""Where a session's kernel works: the folder, Python and packages it has on the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_remote_gpu.protocol.messages import Message
from jupyter_remote_gpu.protocol.steps import Told

if TYPE_CHECKING:
    from .sync import ProjectSync


class Ask(Protocol):
    """How a place speaks to the machine's agent: `Session.request`."""

    def __call__(
        self,
        kind: type[Message],
        *,
        timeout: float | None = ...,
        told: Told | None = ...,
        **fields: Any,
    ) -> dict[str, Any]:
        """Ask for something and return the answer; blocks, at most `timeout` seconds.

        Blobs go as `blobs`, and stand under that name in an answer that has some.
        `told` hears the steps of what takes long. Raises what the agent failed with.
        """
        ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a kernel is started: what the agent needs for it.

    Also the `Place` of a machine on which nothing has to be made ready. With a
    `name` the kernel gets the environment of the workspace of that name, and
    `python` says which interpreter that has.
    """

    notebook: str
    folder: str = ""
    python: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    name: str = ""

    @property
    def files(self) -> None:
        """Return nothing: the kernel works in the folder that it is given."""
        return

    def open(self, ask: Ask, python: str = "") -> Workspace:
        """Return this workspace: it is there already."""
        return self

    def before_cell(self, ask: Ask, python: str) -> tuple[str, ...]:
        """Do nothing: the packages are what they are."""
        return ()

    def after_cell(self, ask: Ask, packages: dict[str, Any]) -> tuple[str, ...]:
        """Do nothing: what was installed there was installed here too."""
        return ()


class Place(Protocol):
    """What makes a workspace ready before a kernel starts in it, and keeps it so.

    Used by a session, in the thread that runs cells; every method may block for
    as long as packages take, tells its steps by means of its own, and raises
    errors of the tree. The strings that are returned are lines for the user.
    """

    @property
    def notebook(self) -> str:
        """Return the key of the notebook, by which its kernels are found again."""
        ...

    @property
    def files(self) -> ProjectSync | None:
        """Return what keeps the project the same here and there; None if nothing has to."""
        ...

    def open(self, ask: Ask, python: str = "") -> Workspace:
        """Make folder and environment; called before each start of a kernel.

        `python` is the cell that will run first; "" if none was asked for yet.
        """
        ...

    def before_cell(self, ask: Ask, python: str) -> tuple[str, ...]:
        """Bring packages that a cell (in plain Python) is the first to need.

        Called before each remote cell, and takes microseconds where nothing is new.
        """
        ...

    def after_cell(self, ask: Ask, packages: dict[str, Any]) -> tuple[str, ...]:
        """Take note of packages that a cell installed or removed there (`run_ended`)."""
        ...
