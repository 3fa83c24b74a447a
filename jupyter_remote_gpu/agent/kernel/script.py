"""A script, run in a Python of its own below this kernel, which journals what it says.

The script is the `__main__` of a fresh interpreter, so that what it does to
its process (exiting, forking, crashing) happens to it alone; the kernel lives
on to tell how it ended, and ends itself after that.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ALONE = "alone"
"""A folder beside this package on machines that it was carried to; it holds the package alone."""
_BY_SIGNAL = 128
"""What a shell adds to a signal's number to make an exit code of it."""


class ScriptExit(Exception):
    """The script ended with an exit code other than 0, its only argument."""

    def __str__(self) -> str:
        return f"the script ended with exit code {self.args[0]}"


def run_script(
    kernel: Any,
    command: Sequence[str],
    *,
    stdin: bool = False,
    environ: dict[str, str] | None = None,
    folder: str = "",
) -> None:
    """Run `python COMMAND` until it ends; ScriptExit unless its exit code is 0.

    Called in a run of `kernel`, which ends once that run is journaled. With
    `stdin` the script reads what clients type; else it reads nothing. `folder` is
    the working folder, made where it is missing. SIGINT reaches the script by
    itself, being in this process's group.
    """
    kernel.ends_after_run = True
    if folder:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    # Output is to be seen when it is written; a pipe would otherwise be buffered.
    variables = {"PYTHONUNBUFFERED": "1", **os.environ, **(environ or {})}
    variables.update(_ours(variables, kernel, folder))
    child = _started(kernel, [sys.executable, *command], stdin, variables, folder or None)
    if child.stdin is not None:
        feed = (kernel, child.stdin)
        threading.Thread(target=_feed, args=feed, name="script stdin", daemon=True).start()
    code = _ended(kernel, child)
    if code:
        raise ScriptExit(code if code > 0 else _BY_SIGNAL - code)


def _ours(variables: Mapping[str, str], kernel: Any, folder: str) -> dict[str, str]:
    """Return what lets `from jupyter_remote_gpu import dataset` work in the script.

    Where the environment does not have this package, a folder with nothing else in
    it stands behind all that the user has in PYTHONPATH.
    """
    found = {} if kernel.datasets is None else kernel.datasets.for_script(folder)
    alone = Path(__file__).parents[3] / ALONE
    if alone.is_dir():
        before = variables.get("PYTHONPATH")
        found["PYTHONPATH"] = f"{before}{os.pathsep}{alone}" if before else str(alone)
    return found


def _started(
    kernel: Any, command: list[str], stdin: bool, environ: dict[str, str], folder: str | None
) -> subprocess.Popen[bytes]:
    """Start the script; an interrupt meanwhile reaches it too, wherever it came."""
    child = None
    try:
        with kernel.guard.held():
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                env=environ,
                cwd=folder,
            )
    except KeyboardInterrupt:
        if child is None:
            raise
        child.send_signal(signal.SIGINT)
    return child


def _ended(kernel: Any, child: subprocess.Popen[bytes]) -> int:
    """Wait for the script; an interrupt is its affair, and what it makes of it is waited for.

    Held back, as an exception just after the child was reaped would lose its exit code.
    """
    with contextlib.suppress(KeyboardInterrupt), kernel.guard.held():
        child.wait()
    return child.wait()


def _feed(kernel: Any, pipe: Any) -> None:
    """Pass on what clients type, piece by piece; an empty piece is the end of the input."""
    ask: Callable[[], str] = kernel.ask_for_input
    encode = codecs.getencoder("utf-8")
    try:
        while text := ask():
            pipe.write(encode(text, "surrogateescape")[0])
            pipe.flush()
    except BrokenPipeError:
        return  # the script reads no more, or has ended
    finally:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
