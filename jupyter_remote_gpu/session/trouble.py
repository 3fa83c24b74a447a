"""What went wrong with connections so far, and whether it is worth going on."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    DamagedError,
    HostKeyError,
    InternalError,
    KernelDiedError,
    KeyRefusedError,
    ProtocolError,
    RemoteGPUError,
    UnknownHostError,
    UnreachableError,
    VersionMismatchError,
)

RECONNECT_SECONDS = 120.0
"""So long one that answers, but never brings anything, is met again."""
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 5.0
AWAY_PAUSE_SECONDS = 0.5
"""The longest while a machine is away: whether it is worth a try is found out before."""
STANDS_SECONDS = 10.0
"""A connection that stood for so long was a good one, even if nothing was said on it."""
MISREAD_TIMES = 3
"""So often in a row what cannot be understood is asked for again; then the machine sends it so."""
REFUSED_TIMES = 4
"""A key may be refused while an ssh agent or a network home wakes up; not for long."""
REFUSED_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class Trouble:
    """What went wrong since a connection last brought something; none at first.

    Kept over reconnects: a peer that accepts and hangs up, or sends the same
    nonsense each time, would otherwise be met again and again for ever. A
    machine that cannot be reached is another matter: it is waited for.
    Times are the loop's.
    """

    since: float | None = None
    pause: float = 0.0
    misread: int = 0
    refused: int = 0

    def clear(self) -> None:
        """All is well: something was brought."""
        self.since, self.pause, self.misread, self.refused = None, 0.0, 0, 0

    def next_pause(self) -> float:
        """Return how long to wait before the next attempt: none before the first, then more."""
        pause = self.pause
        self.pause = min(max(2 * pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        return pause

    def ended(self, stood: float, error: BaseException, now: float) -> bool:
        """Count a connection that ended after `stood` seconds; whether to give up."""
        if stood > STANDS_SECONDS:
            self.clear()
        if isinstance(error, InternalError):
            return True
        if isinstance(error, ProtocolError) and not isinstance(error, DamagedError):
            self.misread += 1
        return self.misread >= MISREAD_TIMES or self._for_too_long(now)

    def failed(self, error: BaseException, now: float) -> bool:
        """Count an attempt that failed; whether to give up."""
        if isinstance(error, (HostKeyError, VersionMismatchError)):
            return True
        if isinstance(error, KeyRefusedError):
            self.refused += 1
            self.pause = max(self.pause, REFUSED_PAUSE_SECONDS)
            return self.refused >= REFUSED_TIMES
        if isinstance(error, (UnreachableError, UnknownHostError)):
            self.since, self.refused = None, 0
            self.pause = min(self.pause, AWAY_PAUSE_SECONDS)
            return False
        return self._for_too_long(now)

    def _for_too_long(self, now: float) -> bool:
        self.since = now if self.since is None else self.since
        return now - self.since > RECONNECT_SECONDS


def lost(error: BaseException) -> RemoteGPUError:
    """Return what those who wait are told when a connection is given up."""
    if isinstance(error, InternalError):
        return error
    if isinstance(error, ProtocolError):
        return ProtocolError(
            f"the machine sends what cannot be understood: {error.message}",
            hint="`%remote_gpu restart` starts a fresh remote Python there; if this comes"
            " again, do not use that machine.",
        )
    goes_on = "What runs there goes on; `%remote_gpu attach` shows it once it is reached."
    if isinstance(error, (HostKeyError, KeyRefusedError)):
        return type(error)(error.message, hint=f"{error.hint or ''} {goes_on}".strip())
    if isinstance(error, KernelDiedError):
        return error
    return ConnectionLostError(
        f"the connection to the machine could not be made again: {error}", hint=goes_on
    )
