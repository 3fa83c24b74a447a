"""How Home reaches the other side: the one seam between this room and a transport."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from jupyter_remote_gpu.protocol.state import Answers, Ask, Lacking, Offer

from .landing import Landing
from .loads import Load


class Watch:
    """Follows one move of values; this one lets everything pass.

    Called by the thread that moves, between chunks. What a method raises ends
    the move, and nothing has changed.
    """

    def begins(self, loads: Sequence[Load], total: int) -> None:
        """Know of what is about to move, before its first byte: `total` bytes of chunks."""

    def moved(self, done: int, total: int) -> None:
        """Know how many bytes of the chunks are there."""


UNWATCHED = Watch()


class Peer(Protocol):
    """The machine's `Away`, over whatever carries bytes.

    Home calls these from the thread that runs the user's cells; all may block
    and may raise `ConnectionLostError` or `KeyboardInterrupt`, after which Home
    is as it was. Every method may be called again with the same arguments.
    """

    def offer(self, offer: Offer) -> Lacking:
        """Pass on to `Away.offer` and return its answer."""
        ...

    def supply(self, chunks: Collection[tuple[bytes, memoryview]]) -> Lacking:
        """Send these chunks; return what `Away.supplied` says is still missing or damaged.

        They are gone through once, each when it goes out; the views are live
        memory, not copies.
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
