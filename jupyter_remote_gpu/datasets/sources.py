"""From a reference to its source; one of each is kept, with its connections and credentials."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from .hub import HubSource
from .kaggle import KaggleSource
from .local import LocalSource
from .reference import Kind, Reference
from .source import Link, RemoteFile, Resolved, Source
from .stores import StoreSource
from .web_file import WebSource


class Sources:
    """All sources there are. Any thread; asking blocks.

    `instead` names sources to be used in place of the usual ones (tests and
    mirrors).
    """

    def __init__(self, instead: Mapping[Kind, Source] | None = None) -> None:
        self._made: dict[Kind, Source] = dict(instead or {})
        self._lock = threading.Lock()

    def resolve(self, reference: Reference) -> Resolved:
        """Return the version and files that the reference means now."""
        return self.of(reference).resolve(reference)

    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Return a fresh link to each of `files`; the answer to a machine that asks."""
        return self.of(resolved.reference).links(resolved, files)

    def of(self, reference: Reference) -> Source:
        """Return the source of a reference."""
        with self._lock:
            kind = _FAMILY.get(reference.kind, reference.kind)
            if kind not in self._made:
                self._made[kind] = _made(kind)
            return self._made[kind]


_FAMILY = {
    Kind.COMPETITION: Kind.KAGGLE,
    Kind.KAGGLE_MODEL: Kind.KAGGLE,
    Kind.HUB_MODEL: Kind.HUB_DATASET,
}


def _made(kind: Kind) -> Source:
    match kind:
        case Kind.KAGGLE:
            return KaggleSource()
        case Kind.HUB_DATASET:
            return HubSource()
        case Kind.LOCAL:
            return LocalSource()
        case Kind.WEB:
            return WebSource()
        case _:
            return StoreSource(kind)
