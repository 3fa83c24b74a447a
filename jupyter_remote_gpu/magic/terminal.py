"""A terminal IPython, or a script's shell, as a session's front end."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.commands.terminal_bar import TerminalBar
from jupyter_remote_gpu.protocol.events import Event

from .late_output import LateOutput


class TerminalFrontEnd:
    """Shows events with what IPython has without a kernel: streams and `display`."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._late = LateOutput()
        self.bar = TerminalBar()

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits at the terminal."""
        return sys.stdin is not None and sys.stdin.isatty()

    def parent(self) -> dict[str, Any]:
        """Return {}: no front end's message is behind a terminal's cell."""
        return {}

    def step_bar(self) -> TerminalBar:
        """Return a line for the steps of making a machine ready."""
        return TerminalBar()

    def late_bar(self) -> OneLine:
        """Return a line for what goes on after the cell: it is said once, and never again."""
        return OneLine(self.note)

    def begin(self) -> None:
        """A remote cell begins: nothing of this shell's waits to be printed."""
        self.catch_up()

    def catch_up(self) -> None:
        """Show what earlier remote cells, or their children, said after their end."""
        late, lost = self._late.take()
        for event in late:
            self.show(event)
        if lost:
            self.note(lost)

    def show(self, event: Event) -> None:
        """Print or display one output; widgets have no place in a terminal."""
        fields = event.fields
        if event.kind == "stream":
            stream = sys.stdout if fields["name"] == "stdout" else sys.stderr
            stream.write(fields["text"])
            stream.flush()
        elif event.kind in ("display", "update_display"):
            self._shell.display_pub.publish(data=fields["data"], metadata=fields["metadata"])
        elif event.kind == "result":
            text = fields["data"].get("text/plain", "")
            sys.stdout.write(f"Out[{self._shell.displayhook.prompt_count}]: {text}\n")
        elif event.kind == "clear_output":
            self._shell.display_pub.clear_output(wait=fields["wait"])
        elif event.kind == "error":
            sys.stderr.write("\n".join(fields["traceback"]) + "\n")
        elif event.kind == "notice":
            self.note(fields["text"])

    def aside(self, event: Event) -> None:
        """Keep late output for the next remote cell: the prompt stays undisturbed."""
        if event.kind == "stream":
            self._late.add(event)

    def gone(self) -> None:
        """The kernel there has ended; a terminal holds nothing of it."""

    def ask(self, prompt: str, password: bool) -> str:
        """Ask in the terminal."""
        return getpass.getpass(prompt) if password else input(prompt)

    def note(self, text: str) -> None:
        """Print one line of ours on standard error."""
        sys.stderr.write(f"{text}\n")


class OneLine:
    """A line that is said when it first appears: somebody types below it meanwhile."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._said = False

    def show(self, text: str, fraction: float | None) -> None:
        """Say it, the first time."""
        if not self._said:
            self._said = True
            self._note(text)

    def end(self, text: str) -> None:
        """Say nothing: the next remote cell tells what has come."""
