"""What the user is told about things that were left out: each kind once a machine."""

from __future__ import annotations

from jupyter_remote_gpu.protocol.plain_text import plain

MOST_KINDS = 100
LONGEST = 400
_ADVICE = "docs/design/trust.md has the rules"


class Remarks:
    """Collects sentences about what was left out; each `kind` is told once.

    A machine can make up kinds (names of mime types, of widget modules), so
    their number has an end. Used by one thread at a time.
    """

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._told: set[str] = set()
        self._waiting: list[str] = []

    def note(self, kind: str, what: str) -> None:
        """Say, once for this kind, that `what` (“scripts in HTML”) was left out, and how."""
        if kind in self._told or len(self._told) >= MOST_KINDS:
            return
        self._told.add(kind)
        text = f"{self._machine} ▸ this machine is not trusted: {plain(what, LONGEST)}"
        self._waiting.append(f"{text} ({_ADVICE})" if len(self._told) == 1 else text)

    def take(self) -> list[str]:
        """Return the sentences that were not taken yet."""
        waiting, self._waiting = self._waiting, []
        return waiting
