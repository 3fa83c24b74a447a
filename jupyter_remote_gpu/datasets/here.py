"""`dataset(address)` for a local cell: resolve once, then look from afar."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from .data_path import DataPath
from .looking import Looked, look_here
from .reference import Reference
from .source import Resolved, Source
from .whole import Say


class Found(Protocol):
    """What addresses mean in one project, found once for local and remote cells."""

    def resolve(self, address: str) -> Resolved:
        """Return what an address means; asks its source the first time alone."""
        ...

    def source(self, reference: Reference) -> Source:
        """Return the source of a reference."""
        ...


class DatasetsHere:
    """What local cells of one project look at. `cache` keeps what was brought whole.

    `say` hears a line before anything large comes. Any thread.
    """

    def __init__(self, found: Found, cache: Path, say: Say) -> None:
        self._found, self._cache, self._say = found, cache, say
        self._open: dict[str, Looked] = {}

    def dataset(self, address: str) -> DataPath | Path:
        """Return the data's path: of local data their own, else one that fetches what is read.

        Raises BadReferenceError and the classes below `DatasetError`.
        """
        resolved = self._found.resolve(address)
        if resolved.lies_here:
            return look_here(resolved, self._cache)
        looked = self._open.get(resolved.key)
        if looked is None:
            source = self._found.source(resolved.reference)
            looked = self._open[resolved.key] = Looked(resolved, source, self._cache, self._say)
        return DataPath(looked)
