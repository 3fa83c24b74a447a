"""The transport to a machine reached by SSH: connections are session channels to its agent."""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
import threading
from dataclasses import dataclass

from jupyter_remote_gpu.errors import (
    AgentMissingError,
    AgentStartError,
    ConnectionLostError,
    UnreachableError,
    VersionMismatchError,
)
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.transport.base import Transport

from .channel import Channel, SSHTarget, open_channel, run_script
from .first_hop import FirstHop

ANSWER_SECONDS = 60.0
"""An agent that is started imports its libraries first, on a cold disk too."""
MOST_LINES = 8
"""A server begins to turn logins away when ten of them are under way (MaxStartups)."""
LONGEST_ANSWER_BYTES = 1 << 16
_MISSING = """printf '%s\\n{"missing": true}\\n' "$mark"\n"""


@dataclass(frozen=True, slots=True)
class RemoteAgent:
    """Where the agent is on the machine: paths of that machine, `~` not allowed.

    `python` (an interpreter and its flags) runs `launch` (the agent's
    `launch.py`); `home` is where it keeps kernels and journals.
    """

    python: tuple[str, ...]
    launch: str
    home: str

    def script(self, verb: str) -> str:
        """Return the shell line that runs the agent's `verb` in place of the shell."""
        words = [*self.python, self.launch, verb, self.home]
        there = f"[ -x {shlex.quote(self.python[0])} ] && [ -f {shlex.quote(self.launch)} ]"
        return f'{there} && exec {shlex.join(words)} "$mark"\n{_MISSING}'


class SSHTransport(Transport):
    """Reaches the agent of a machine through the user's own OpenSSH.

    Each connection is a connection of ssh's own, so that values on one do not
    delay cells on another. It is the client's `token` that the agent is started
    with, handed over on standard input.
    """

    most_lines = MOST_LINES

    def __init__(self, target: SSHTarget, agent: RemoteAgent, token: str) -> None:
        self.token = token
        self._target = target
        self._agent = agent
        self._hop = FirstHop(target)
        self.notes: tuple[str, ...] = ()

    def connect(self) -> socket.socket:
        """Open a channel to the agent, which is started if it does not run. Blocks.

        Raises ConnectionLostError (and what it is the base of), AgentStartError.
        """
        return self.connect_saying(b"")

    def connect_saying(self, words: bytes) -> socket.socket:
        """Do so with `words` behind the token: they wait there for the agent. See `Transport`."""
        script, given = self._agent.script("connect"), self._given + words
        channel = open_channel(self._target, script, given=given, seconds=ANSWER_SECONDS)
        return self._joined(channel)

    def join(self, channel: Channel) -> socket.socket:
        """Return the stream to the agent on a channel whose `connect` script has begun. Blocks.

        Raises as `connect` does, and AgentMissingError where it is not installed
        (any more); the channel is closed then.
        """
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # one that ended at once has said why
            channel.socket.sendall(self._given)
        return self._joined(channel)

    @property
    def _given(self) -> bytes:
        return f"{self.token}\n".encode()

    def _joined(self, channel: Channel) -> socket.socket:
        """Take the answer of a `connect` script that has its token."""
        try:
            channel.socket.settimeout(ANSWER_SECONDS)
            self._check(channel, channel.read_line(LONGEST_ANSWER_BYTES))
            channel.socket.settimeout(None)
            # later, when the way is needed, names may not be found any more
            threading.Thread(target=self._hop.learn, daemon=True).start()
        except TimeoutError as error:
            channel.close()
            raise UnreachableError(
                f"the agent on {self._target.host} did not answer within {ANSWER_SECONDS:.0f} s",
                hint="Is the machine overloaded, or its disk full? Try again.",
            ) from error
        except BaseException:
            channel.close()
            raise
        return channel.socket

    def until_reachable(self, seconds: float, given_up: threading.Event) -> bool:
        """Wait until the first computer on the way takes connections; see `Transport`."""
        return self._hop.until_open(seconds, given_up)

    def replace(self) -> None:
        """End the agent there; its kernels go on and are adopted by the next."""
        run_script(self._target, self._agent.script("replace"), seconds=ANSWER_SECONDS)

    def _check(self, channel: Channel, line: bytes) -> None:
        """Raise what the machine says went wrong, if it did."""
        host = self._target.host
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            ended = channel.ended()
            if isinstance(ended, ConnectionLostError):
                raise ended from None
            raise AgentStartError(
                f"the agent on {host} ended before it answered",
                hint=channel.said() or "It said nothing.",
            ) from None
        if not isinstance(said, dict):
            raise AgentStartError(f"what answers on {host} is no agent of this package")
        if "missing" in said:
            missing = AgentMissingError(
                f"the agent is not installed on {host} (any more): {self._agent.launch}",
                hint=_plain(said.get("broken")) or "The next cell installs it again.",
            )
            missing.broken = "broken" in said
            raise missing
        if "failed" in said:
            mismatch = said.get("kind") == VersionMismatchError.__name__
            kind = VersionMismatchError if mismatch else AgentStartError
            raise kind(_plain(said["failed"]), where=host, hint=_plain(said.get("hint")) or None)
        notes = said.get("notes")
        self.notes = tuple(_plain(note) for note in notes) if isinstance(notes, list) else ()


def _plain(said: object) -> str:
    """Return what a machine said as text that can be shown; empty for nothing."""
    return plain(str(said), LONGEST_ANSWER_BYTES) if said else ""
