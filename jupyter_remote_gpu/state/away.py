"""The side inside the machine's kernel: it holds the other half of the namespace and reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_remote_gpu.protocol.state import Answers, Ask, Begin, Blob, Lacking, Offer, Report

from .landing import Landing


class Away:
    """The machine's half of the namespace `namespace` (the kernel's `user_ns`).

    All methods are called by the kernel's message loop in the thread that runs
    cells, never while a cell runs; none does I/O.
    """

    landing: Landing  # where supplied chunks go; replaced by each `offer`

    def __init__(self, namespace: dict[str, Any], machine: str = "the machine") -> None:
        raise NotImplementedError

    def offer(self, offer: Offer) -> Lacking:
        """Prepare buffers for these parcels and say which chunks are lacking.

        The transport then fills `self.landing` and asks `supplied`. Drops what an
        earlier offer left behind; nothing becomes visible before `arrive`.
        """
        raise NotImplementedError

    def supplied(self) -> Lacking:
        """Say which chunks of the offer are still missing or came damaged."""
        raise NotImplementedError

    def arrive(self, begin: Begin) -> None:
        """Apply a Begin. Raises a `StateError` that says why the cell cannot run."""
        raise NotImplementedError

    def before_run(self, source: str | None = None) -> None:
        """Note what the cell can reach; `source` if it differs from the Begin's cell text."""
        raise NotImplementedError

    def after_run(self) -> Report:
        """Say what the cell did to the names, whether it failed or not."""
        raise NotImplementedError

    def ask(self, ask: Ask) -> Answers:
        """Encode and name what Home asked for; pinned until `release` or the next ask."""
        raise NotImplementedError

    def pull(self, names: Sequence[bytes]) -> list[tuple[bytes, Blob]]:
        """Return chunks of the last answers as views of live memory; `ProtocolError` if unknown."""
        raise NotImplementedError

    def release(self, tokens: Sequence[str]) -> None:
        """Note that the versions `tokens` arrived at home; unpin everything."""
        raise NotImplementedError
