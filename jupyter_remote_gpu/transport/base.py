"""The seam between a session and the way to its machine."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod


class Transport(ABC):
    """The way to one machine's agent.

    Implementations: `LocalTransport` (this computer), `SSHTransport`. Every connection starts
    with the greeting of `docs/design/protocol.md`, which the caller makes.
    """

    token: str
    """The bearer token of the agent that `connect` reaches; never logged."""

    most_lines: int = 1
    """How many connections at once a move of values may try; 1 where there is no path to fill."""

    @abstractmethod
    def connect(self) -> socket.socket:
        """Return a connected, blocking byte stream to the agent; start one if there is none.

        Called by sessions, from any thread; may block for as long as starting
        takes. Raises AgentStartError or ConnectionLostError.
        """

    def connect_saying(self, words: bytes) -> socket.socket:
        """Connect, and have an agent read `words` first. Blocks, and raises, as `connect`.

        Where connecting takes logins these go along, which saves a round trip.
        """
        opened = self.connect()
        with contextlib.suppress(OSError):  # it hung up, which whoever reads finds out
            opened.sendall(words)
        return opened

    @abstractmethod
    def replace(self) -> None:
        """End the agent so that the next `connect` starts this version's own.

        Kernels go on and are adopted. Called after a refused greeting.
        """

    def until_reachable(self, seconds: float, given_up: threading.Event) -> bool:
        """Wait until connecting is worth a try; whether it is. Cheap, any thread, blocks.

        Called between attempts at a connection that is gone. Returns False
        after `seconds`, and when `given_up` is set. Where nothing cheaper than
        connecting can be asked, the answer is yes, at once.
        """
        return not given_up.is_set()
