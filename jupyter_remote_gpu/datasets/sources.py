"""From a reference to its source; one of each is kept, with its connections and credentials."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from .reference import Kind, Reference
from .source import Link, RemoteFile, Resolved, Source


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
    # Imported when data are first asked for: what speaks to servers takes 0.1 s to load.
    match kind:
        case Kind.KAGGLE:
            from .kaggle import KaggleSource

            return KaggleSource()
        case Kind.HUB_DATASET:
            from .hub import HubSource

            return HubSource()
        case Kind.LOCAL:
            from .local import LocalSource

            return LocalSource()
        case Kind.WEB:
            from .web_file import WebSource

            return WebSource()
        case _:
            from .stores import StoreSource

            return StoreSource(kind)
