"""Noticing at once, and at next to no cost, that the way to a host is open again.

While a link is down a connection of ssh's hangs: the system asks for it after
1, 3, 7, 15 seconds. So whether the way is open is asked with connections of
our own to the first computer on it, begun twenty times a second at first, then
six times, then once, and thrown away.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from .channel import SSHTarget

ASK_SECONDS = 10.0
KEEN_SECONDS = 10.0
"""For so long a new connection is begun every `KEEN_PAUSE_SECONDS`: most cuts are short."""
KEEN_PAUSE_SECONDS = 0.05
EAGER_SECONDS = 120.0
"""Then for so long every `EAGER_PAUSE_SECONDS`, later more seldom."""
EAGER_PAUSE_SECONDS = 0.15
CALM_PAUSE_SECONDS = 1.0
TRY_SECONDS = 1.0
"""Less than the system's first repetition: one packet a try, and no crowd once the way is open."""
MOST_TRIES = 8
"""At once: a server begins to turn logins away when ten come together, as they do when a
link that held them back is open again; and where a name has to be found each may hang."""
MOST_JUMPS = 8


@dataclass(slots=True)
class FirstHop:
    """The first computer on the way to a target, as `ssh -G` tells it."""

    target: SSHTarget
    _addresses: list[tuple[str, int]] | None = None
    _asked: bool = False

    def learn(self) -> None:
        """Find the hop and its addresses while names can be resolved. Blocks; raises nothing."""
        if self._asked:
            return
        self._asked = True
        hop = _first_hop(self.target)
        if hop is None:
            return
        try:
            found = socket.getaddrinfo(*hop, type=socket.SOCK_STREAM)
        except OSError:
            # it may be a name of a network we do not see, as `dial` may
            self._addresses = [hop]
        else:
            self._addresses = [(str(entry[4][0]), hop[1]) for entry in found][:2]

    def until_open(self, seconds: float, given_up: threading.Event) -> bool:
        """Wait until a connection to the hop can be opened; see `Transport.until_reachable`."""
        self.learn()
        if not self._addresses:
            return not given_up.is_set()
        begun = time.monotonic()
        opened, free = threading.Event(), threading.Semaphore(MOST_TRIES)
        turn = 0
        while not opened.is_set():
            passed = time.monotonic() - begun
            if passed > seconds or given_up.is_set():
                return False
            address = self._addresses[turn % len(self._addresses)]
            if free.acquire(blocking=False):
                threading.Thread(
                    target=self._try, args=(address, opened, free), daemon=True
                ).start()
            opened.wait(_pause_after(passed))
            turn += 1
        return True

    def _try(
        self, address: tuple[str, int], opened: threading.Event, free: threading.Semaphore
    ) -> None:
        with contextlib.suppress(OSError):  # not open yet
            self.target.dial(address, TRY_SECONDS).close()
            opened.set()
        free.release()


def _pause_after(passed: float) -> float:
    """Return the pause between two tries when the way has been closed for so many seconds."""
    if passed < KEEN_SECONDS:
        return KEEN_PAUSE_SECONDS
    return EAGER_PAUSE_SECONDS if passed < EAGER_SECONDS else CALM_PAUSE_SECONDS


def _first_hop(target: SSHTarget) -> tuple[str, int] | None:
    """Return host and port that ssh connects to first; None if a command of the user's does."""
    settings = _settings(target, target.options, target.host)
    for _ in range(MOST_JUMPS):
        if settings.get("proxycommand", "none") != "none":
            return None
        jumps = settings.get("proxyjump", "none")
        if jumps == "none":
            break
        jump = jumps.split(",")[0].removeprefix("ssh://")
        # of our options ssh hands only the choice of the configuration on to a jump
        settings = _settings(target, _configuration(target.options), *_spelled(jump))
    else:
        return None
    try:
        return settings["hostname"], int(settings["port"])
    except (KeyError, ValueError):
        return None


def _settings(target: SSHTarget, options: tuple[str, ...], *host: str) -> dict[str, str]:
    """Return what `ssh -G` says of a host; empty if it says nothing."""
    words = [*target.program, "-G", *options, *host]
    try:
        said = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition(" ") for line in said.stdout.splitlines())
    return {key: value for key, _, value in pairs}


def _configuration(options: tuple[str, ...]) -> tuple[str, ...]:
    for i, word in enumerate(options):
        if word == "-F":
            return options[i : i + 2]
        if word.startswith("-F"):
            return (word,)
    return ()


def _spelled(jump: str) -> tuple[str, ...]:
    """Return the words for [user@]host[:port] on a command line."""
    host, colon, port = jump.rpartition(":")
    if colon and port.isdigit() and not host.endswith(":"):
        return ("-p", port, "--", host.strip("[]"))
    return ("--", jump)
