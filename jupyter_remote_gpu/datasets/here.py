"""`dataset(address)` for a local cell: resolve once, then look from afar."""

from __future__ import annotations

from pathlib import Path

from .data_path import DataPath
from .grammar import parse_reference
from .looking import Looked, look_here
from .remembered import Remembered
from .sources import Sources
from .whole import Say


class DatasetsHere:
    """What local cells of one project look at. `cache` keeps what was brought whole.

    `remembered` has the versions, shared with what machines are told, so that
    local and remote cells see the same data. `say` hears a line before anything
    large comes. Any thread.
    """

    def __init__(self, sources: Sources, remembered: Remembered, cache: Path, say: Say) -> None:
        self._sources, self._remembered = sources, remembered
        self._cache, self._say = cache, say
        self._open: dict[str, Looked] = {}

    def dataset(self, address: str, base: Path | None = None) -> DataPath | Path:
        """Return the data's path: of local data their own, else one that fetches what is read.

        Asks the source for the version the first time. Raises BadReferenceError
        and the classes below `DatasetError`.
        """
        reference = parse_reference(address, base=base)
        resolved = self._remembered.get(reference)
        if resolved is None or resolved.lies_here:
            resolved = self._sources.resolve(reference)
        if resolved.lies_here:
            return look_here(resolved, self._cache)
        self._remembered.put(resolved)
        looked = self._open.get(resolved.key)
        if looked is None:
            source = self._sources.of(reference)
            looked = self._open[resolved.key] = Looked(resolved, source, self._cache, self._say)
        return DataPath(looked)
