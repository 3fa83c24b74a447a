"""A terminal for tests: `remote-gpu` as a process, with pipes or in a pseudo terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-m", "jupyter_remote_gpu.cli"]
GIVE_UP_SECONDS = 300.0


@dataclass
class Terminal:
    """Where commands are typed: a folder, and the user's variables."""

    folder: Path
    environ: Mapping[str, str]

    def run(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command with pipes, as a shell script does."""
        return self._ran([*PROGRAM, *words], typed)

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of bash."""
        return self._ran(["bash", "-c", line], "")

    def _ran(self, command: list[str], typed: str) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            command,
            input=typed.encode(),
            capture_output=True,
            cwd=self.folder,
            env=self._variables(),
            timeout=GIVE_UP_SECONDS,
        )
        # decoded here: a text pipe would make line ends of carriage returns
        shown = ran.stdout.decode(), ran.stderr.decode()
        return subprocess.CompletedProcess(ran.args, ran.returncode, *shown)

    def json(self, *words: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.run(*words, "--json").stdout)

    def sit(self, *words: str) -> Sitting:
        """Run a command in a pseudo terminal."""
        return Sitting([*PROGRAM, *words], self.folder, self._variables())

    def script(self, name: str, text: str) -> None:
        """Write a script."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _variables(self) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "100", **self.environ}


class Sitting:
    """One command in a pseudo terminal of its own."""

    def __init__(self, command: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.seen = ""
        self._pid, self._screen = pty.fork()
        if self._pid == 0:  # the child: becomes the command
            os.chdir(folder)
            os.execve(command[0], command, dict(environ))

    def type(self, text: str) -> None:
        """Press keys; `\\x03` is Ctrl-C."""
        os.write(self._screen, text.encode())

    def until(self, text: str) -> None:
        """Wait until a text is on the screen, behind what was waited for before."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            assert self._read(), f"ended before {text!r}: {self.seen}"
        self.seen = self.seen.partition(text)[2]

    def end(self) -> int:
        """Wait for the command's end and return its exit code."""
        while self._read():
            continue
        os.close(self._screen)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def kill(self) -> None:
        """End the command as a closed terminal window does."""
        os.kill(self._pid, signal.SIGHUP)
        self.end()

    def _read(self) -> bool:
        ready, _, _ = select.select([self._screen], [], [], GIVE_UP_SECONDS)
        assert ready, self.seen
        try:
            data = os.read(self._screen, 1 << 16)
        except OSError:
            return False  # the other end is closed
        self.seen += data.decode(errors="replace")
        return bool(data)
