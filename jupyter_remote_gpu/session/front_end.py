"""What a session needs in order to show things; the magic brings an implementation."""

from __future__ import annotations

from typing import Any, Protocol

from jupyter_remote_gpu.protocol.events import Event


class FrontEnd(Protocol):
    """Where outputs appear: a notebook's front end, or a terminal."""

    @property
    def can_ask(self) -> bool:
        """Whether `ask` can get an answer."""
        ...

    def parent(self) -> dict[str, Any]:
        """Return the header of the front end's request that is being served ({} if none)."""
        ...

    def show(self, event: Event) -> None:
        """Display an output of the run that the calling cell waits for.

        Called in the thread of that cell, in the order of the events.
        """
        ...

    def aside(self, event: Event) -> None:
        """Take an event that no cell waits for: a widget's, or a late output.

        Called in a background thread; must not block.
        """
        ...

    def gone(self) -> None:
        """The kernel there has ended, and with it all that its widgets could do.

        Called in any thread, more than once for the same end; must not block.
        """
        ...

    def ask(self, prompt: str, password: bool) -> str:
        """Get a line from the user; KeyboardInterrupt if he stops the cell instead."""
        ...

    def note(self, text: str) -> None:
        """Tell the user something about the machine, apart from the cell's own output."""
        ...
