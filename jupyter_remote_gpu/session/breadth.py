"""How many connections a move is worth: decided by what was measured, not by a constant.

One SSH channel keeps at most 2 MiB under way, which on a long path is far less
than the path holds; and one `ssh` encrypts on one processor. Where that is the
limit, several connections are faster. Where the path itself is, they are not,
and each costs a login: so their number grows only as long as that brings something.
"""

from __future__ import annotations

import threading

CHANNEL_BYTES = 2 << 20
"""What OpenSSH keeps under way in one channel."""
PAYS = 1.2
"""More connections must be so many times as fast to be kept."""
WORTH_OPENINGS = 2.0
"""A move is given more connections if without them it takes so many times their opening."""
_CHANGED = 2.0
"""A rate that differs so much from the one remembered is another path's."""
_LEAP = 4


class Breadth:
    """The number of lines for moves in one direction to one machine; no I/O, any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rates: dict[int, float] = {}
        self._lock = threading.Lock()

    def rate(self, lines: int) -> float | None:
        """Return what so many lines were measured to take, in bytes per second."""
        return self._rates.get(lines)

    def note(self, lines: int, rate: float) -> None:
        """Remember that so many lines took so many bytes per second."""
        with self._lock:
            before = self._rates.get(lines)
            if before is not None and not before / _CHANGED < rate < before * _CHANGED:
                self._rates.clear()
            self._rates[lines] = rate

    def refused(self, lines: int) -> None:
        """The machine takes no more than so many connections: ask for no more from now on."""
        with self._lock:
            self._most = max(1, min(self._most, lines))

    def wanted(self, lines: int, left: float, rtt: float, opening: float) -> int:
        """Return how many lines should carry the `left` bytes of a move that has `lines` now.

        `rtt` is a round trip of the path and `opening` what a further connection
        takes, in seconds.
        """
        with self._lock:
            channel = CHANNEL_BYTES / max(rtt, 1e-6)
            rate = self._rates.get(lines, lines * channel)
            if left / rate < WORTH_OPENINGS * opening:
                return min(lines, self._most)
            if not self._rates:  # nothing known: not faster than a channel's window allows
                return min(max(lines, _LEAP), self._most)
            return min(self._aim(channel), self._most)

    def _aim(self, channel: float) -> int:
        """Return the number that was best, or the one above it that was not tried yet."""
        best = min(self._rates)
        for lines in sorted(self._rates):
            if self._rates[lines] > PAYS * self._rates[best]:
                best = lines
        limited = self._rates[best] > 0.4 * best * channel
        following = _LEAP if best == 1 and limited else 2 * best
        tried = any(lines > best for lines in self._rates)
        return best if tried else following
