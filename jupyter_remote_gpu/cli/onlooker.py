"""A terminal that looks on while a run goes on: its outputs, its input, Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.session.script import Choice

from .keyboard import Keyboard
from .wording import reworded

_ANSWERS: dict[str, Choice] = {"l": "leave", "s": "stop", "": "wait"}


class TerminalOnlooker:
    """Shows a run (a `session.script.Onlooker`): what it writes to stdout on stdout, the rest
    on stderr; as JSON lines if `as_json`. Where nobody can be asked, Ctrl-C stops the run.
    """

    def __init__(self, machine: str, *, as_json: bool = False, stdin: bool = True) -> None:
        self._machine = machine
        self._as_json = as_json
        self._stdin = stdin
        self._keyboard = Keyboard()
        self._can_ask = not as_json and _is_terminal(sys.stdin) and _is_terminal(sys.stderr)
        self._line_begun = False
        self._held: list[str] | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep notes until the block is left: another line is written over itself meanwhile."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for text in held:
                self.note(text)

    def show(self, event: Event) -> None:
        """Show an output."""
        fields = event.fields
        if event.kind == "stream":
            self._write(fields["name"], fields["text"])
        elif event.kind in ("display", "result"):
            self._write("stdout", f"{fields['data'].get('text/plain', '')}\n")
        elif event.kind == "error":
            self._write("stderr", "\n".join(fields["traceback"]) + "\n")
        elif event.kind == "notice":
            self.note(fields["text"])

    def note(self, text: str) -> None:
        """Show a line of ours on standard error."""
        if self._held is not None:
            self._held.append(text)
            return
        if self._as_json:
            self._line({"event": "note", "text": reworded(text)})
            return
        begin = "\n" if self._line_begun else ""
        self._write("stderr", f"{begin}{reworded(text)}\n")

    def reads(self, give: Callable[[str], None]) -> None:
        """Pass on what is typed next."""
        if self._stdin:
            self._keyboard.give_to(give)
        else:
            give("")

    def interrupted(self, times: int) -> Choice:
        """Ask what is to become of the run; stop it where nobody can be asked, or asked twice."""
        if times > 1:
            self.note(f"{self._machine} ▸ stopping it at once")
            return "stop"
        if not self._can_ask:
            return "stop"
        while True:
            self._write(
                "stderr",
                f"\n{self._machine} ▸ [l]eave it running there, [s]top it, or Enter to go on: ",
            )
            answer = self._keyboard.ask().strip().lower()
            self._line_begun = False
            if answer[:1] in _ANSWERS:
                return _ANSWERS[answer[:1]]

    def brought(self, fields: dict[str, Any]) -> None:
        """Say to a program which files came back."""
        if self._as_json:
            self._line({"event": "files", **fields})

    def ended(self, fields: dict[str, Any]) -> None:
        """Say to a program how it ended."""
        if self._as_json:
            self._line({"event": "ended", **fields})

    def _write(self, name: str, text: str) -> None:
        if self._as_json:
            self._line({"event": "output", "stream": name, "text": text})
            return
        stream = sys.stdout if name == "stdout" else sys.stderr
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))
        stream.flush()
        if text:
            self._line_begun = not text.endswith("\n")

    def _line(self, fields: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(fields) + "\n")
        sys.stdout.flush()


def window() -> dict[str, str]:
    """Return the variables that tell a script how wide this terminal is; none without one."""
    for stream in (sys.stdout, sys.stderr):
        if _is_terminal(stream):
            size = os.get_terminal_size(stream.fileno())
            if size.columns:
                return {"COLUMNS": str(size.columns), "LINES": str(size.lines)}
    return {}


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
