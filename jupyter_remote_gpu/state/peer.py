"""How Home reaches the other side: the one seam between this room and a transport."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from jupyter_remote_gpu.protocol.state import Answers, Ask, Lacking, Offer

from .landing import Landing

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) while chunks move."""


class Peer(Protocol):
    """The machine's `Away`, over whatever carries bytes.

    Home calls these from the thread that runs the user's cells; all may block
    and may raise `ConnectionLostError` or `KeyboardInterrupt`, after which Home
    is as it was. Every method may be called again with the same arguments.
    """

    def offer(self, offer: Offer) -> Lacking:
        """Pass on to `Away.offer` and return its answer."""
        ...

    def supply(self, chunks: Iterable[tuple[bytes, memoryview]]) -> Lacking:
        """Send these chunks; return what `Away.supplied` says is still missing or damaged.

        The iterable is consumed once; the views are live memory, not copies.
        """
        ...

    def ask(self, ask: Ask) -> Answers:
        """Pass on to `Away.ask` and return its answer."""
        ...

    def pull(self, names: Sequence[bytes], landing: Landing) -> None:
        """Bring these chunks (`Away.pull`): each into `landing.destination(name)`,
        followed by `landing.received(name)`. Damaged ones are asked for again by Home.
        """
        ...

    def release(self, tokens: Sequence[str]) -> None:
        """Pass on to `Away.release`: the versions that arrived; the rest may be forgotten."""
        ...
