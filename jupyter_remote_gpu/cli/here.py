"""What every command has: settings, the list of machines, the loop, and a way to say things."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from jupyter_remote_gpu.commands.progress import Progress, StepBar
from jupyter_remote_gpu.commands.settings import Settings
from jupyter_remote_gpu.commands.terminal_bar import TerminalBar
from jupyter_remote_gpu.config import from_files
from jupyter_remote_gpu.errors import RemoteGPUError, RequestError
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.asking import ask
from jupyter_remote_gpu.session.loop import LoopThread
from jupyter_remote_gpu.session.summary import seconds_text
from jupyter_remote_gpu.transport.base import Transport

from .wording import reworded

T = TypeVar("T")
LONG_SECONDS = 600.0


class Here:
    """This invocation. `as_json` says that what comes out is one JSON object for a program."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.settings: Settings = from_files().plain()
        self.registry = Registry(self.settings.settings, self.note)
        self._loop: LoopThread | None = None
        self._progress: list[Progress] = []

    @property
    def told_stop(self) -> bool:
        """Whether a line of steps has said already that the work was stopped."""
        return any(one.told_stop for one in self._progress)

    @property
    def loop(self) -> LoopThread:
        """The loop that connections live in; made when it is first needed."""
        if self._loop is None:
            self._loop = LoopThread()
        return self._loop

    def close(self) -> None:
        """Hang up all connections."""
        if self._loop is not None:
            self._loop.close()

    def run(self, work: Coroutine[Any, Any, T], what: str) -> T:
        """Carry a coroutine out; blocks, `what` says what is waited for."""
        return self.loop.run(work, LONG_SECONDS, what)

    def ask(
        self, name: str, way: Transport, kind: type[messages.Message], **fields: Any
    ) -> dict[str, Any]:
        """Ask a machine for something that may take long, and show its steps; blocks."""
        progress = self.progress(name)
        with progress.shown(lambda seconds: f"done in {seconds_text(seconds)}"):
            asked = ask(way, kind, progress.told, **fields)
            return self.run(asked, f"{name} to answer ({kind.tag})")

    def progress(self, machine: str) -> Progress:
        """Return what shows how far a machine is with something."""
        self._progress.append(Progress(machine, step_bar))
        return self._progress[-1]

    def say(self, text: str, **values: Any) -> None:
        """Say a result: the text to a person, the values to a program."""
        click.echo(json.dumps(values) if self.as_json else reworded(text))

    def note(self, text: str) -> None:
        """Say something beside the result, on standard error."""
        click.echo(reworded(text), err=True)

    def confirmed(self, question: str, *, yes: bool) -> bool:
        """Return whether to go on; without `--yes`, and with nobody to ask, that is an error."""
        if yes:
            return True
        if self.as_json or not sys.stdin.isatty():
            raise RequestError(f"{question} Nobody can be asked.", hint="Give --yes.")
        return click.confirm(question, default=False, err=True)


class _Quiet:
    """A line of steps where nobody watches: only how it ended is said."""

    def show(self, text: str, fraction: float | None) -> None:
        """Say nothing: a log is no place for a bar."""

    def end(self, text: str) -> None:
        """Write the last text."""
        click.echo(text, err=True)


def step_bar() -> StepBar:
    """Return a line for steps: written over itself on a terminal, else only its end."""
    return TerminalBar() if sys.stderr.isatty() else _Quiet()


def error_fields(error: RemoteGPUError) -> dict[str, Any]:
    """Return an error as a program reads it."""
    return {
        "kind": type(error).__name__,
        "message": reworded(error.message),
        "hint": reworded(error.hint or ""),
        "machine": error.where,
    }


def clock(when: float) -> str:
    """Return a time as lists show it: the day too where it was another."""
    there, now = time.localtime(when), time.localtime()
    same = there[:3] == now[:3]
    return time.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M", there)
