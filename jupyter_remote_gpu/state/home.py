"""The user's side: it owns the notebook's namespace and decides what moves."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.protocol.state import Begin, Parcel, Report

from .peer import Peer

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) while chunks move."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A remote cell ready to go. Nothing has changed at home yet.

    Steps of the caller: `home.send_ahead(departure, peer)`, then `begin` with the
    request to run, after its acknowledgement `home.commit(departure)`, and when
    the cell has ended `home.complete(departure, report)`.
    """

    begin: Begin
    sent: tuple[str, ...]  # components on their way, like "model+opt"
    sent_bytes: int  # what they weigh; unchanged chunks included


@dataclass(frozen=True, slots=True)
class Moved:
    """What a fetch brought: for the transfer line."""

    names: tuple[str, ...] = ()
    patched: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of names. `where` is here, both, there, stays or lost."""

    name: str
    where: str
    type: str
    text: str
    bytes: int
    shares_with: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Losses:
    """What went with a machine's kernel: `lost` names, those of which an `older` value is kept."""

    lost: tuple[str, ...]
    older: tuple[str, ...]
    kept: tuple[str, ...]


class Home:
    """The notebook's half of the namespace `namespace` (the user's `user_ns`). No I/O of its own."""

    def __init__(self, namespace: dict[str, Any], machine: str = "the machine") -> None:
        raise NotImplementedError

    def depart(self, source: str, filename: str = "") -> Departure:
        """Work out what a remote cell needs; `source` is plain Python.

        Raises `SyntaxError`, `CannotTravelError`, `LostError`; changes nothing.
        """
        raise NotImplementedError

    def send_ahead(
        self, departure: Departure, peer: Peer, progress: Progress | None = None
    ) -> Departure:
        """Offer and supply what does not ride along; return the departure to go on with.

        May block. Raises `DamagedError` if chunks keep arriving damaged.
        """
        raise NotImplementedError

    def commit(self, departure: Departure) -> None:
        """Note that the machine applied `departure.begin`."""
        raise NotImplementedError

    def complete(self, departure: Departure, report: Report) -> None:
        """Take over what the remote cell did, failed or not."""
        raise NotImplementedError

    def wanted(self, tree: ast.Module) -> frozenset[str]:
        """Return the names a local cell may read whose newest value is on the machine. No I/O."""
        raise NotImplementedError

    def fetch(
        self, names: Iterable[str], peer: Peer, progress: Progress | None = None
    ) -> Moved:
        """Bring the newest values of `names` and all that belongs to them.

        May block; interrupted or failed, it leaves everything as it was. Raises
        `CannotTravelError` (the value stays where it is), `LostError`.
        """
        raise NotImplementedError

    def before_local(self, tree: ast.Module) -> object:
        """Take note before a local cell runs (after `fetch`); pass the result to `after_local`."""
        raise NotImplementedError

    def after_local(self, before: object) -> None:
        """Find out what the local cell did to the names."""
        raise NotImplementedError

    def record(self, source: str, filename: str) -> None:
        """Remember the text of a local cell before it runs; `filename` as in its tracebacks."""
        raise NotImplementedError

    def lost(self) -> Losses:
        """The machine's kernel is gone: say what went with it; placeholders say so from now on."""
        raise NotImplementedError

    def recover(self, names: Iterable[str]) -> tuple[str, ...]:
        """Bind the older values kept here of lost names; return those that could be."""
        raise NotImplementedError

    def table(self) -> tuple[Row, ...]:
        """Return a row for each name, sorted."""
        raise NotImplementedError
