"""What a session needs in order to show things; the magic brings an implementation."""

from __future__ import annotations

from typing import Any, Protocol

from jupyter_remote_gpu.protocol.events import Event


class Bar(Protocol):
    """One line that shows how far a move of values is, and then what came of it.

    Called by the thread that runs cells, some ten times a second at most.
    """

    def show(self, text: str, fraction: float) -> None:
        """Show or update the line; `fraction` of the move is done, 0 to 1."""
        ...

    def end(self, text: str) -> None:
        """Put a last text in the line's place; the next `show` begins a new one."""
        ...


class FrontEnd(Protocol):
    """Where outputs appear: a notebook's front end, or a terminal."""

    @property
    def can_ask(self) -> bool:
        """Whether `ask` can get an answer."""
        ...

    @property
    def bar(self) -> Bar:
        """The line that shows how far a move is."""
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
