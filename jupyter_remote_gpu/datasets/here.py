"""`dataset(address)` for a local cell: resolve once, then look from afar."""

from __future__ import annotations

import time
from pathlib import Path, PurePath
from typing import Protocol

from jupyter_remote_gpu.errors import UnsafePathError
from jupyter_remote_gpu.protocol.data_names import DataName
from jupyter_remote_gpu.protocol.work import Show

from .data_path import DataPath
from .looking import Looked, look_here
from .paths import checked_path
from .reference import Reference
from .source import Resolved, Source
from .whole import Say

_UNKNOWN_SECONDS = 1.0
"""For so long data that were not found to be known are not looked for again."""


class Found(Protocol):
    """What addresses mean in one project, found once for local and remote cells."""

    def resolve(self, address: str) -> Resolved:
        """Return what an address means; asks its source the first time alone."""
        ...

    def named(self, text: str) -> Resolved | None:
        """Return what was found to have this address with version; asks nobody."""
        ...

    def source(self, reference: Reference) -> Source:
        """Return the source of a reference."""
        ...


class DatasetsHere:
    """What local cells of one project look at. `cache` keeps what was brought whole.

    `say` hears a line before anything large comes, `show` how far it is. Any thread.
    """

    def __init__(
        self, found: Found, cache: Path, say: Say, show: Show = lambda text, done: None
    ) -> None:
        self._found, self._cache, self._say, self._show = found, cache, say, show
        self._open: dict[str, Looked] = {}
        self._texts: dict[str, DataPath | Path] = {}
        self._folders: dict[Path, str] = {}
        self._unknown: dict[str, float] = {}

    def dataset(self, address: str) -> DataPath | Path:
        """Return the data's path: of local data their own, else one that fetches what is read.

        Raises BadReferenceError and the classes below `DatasetError`.
        """
        return self._at(self._found.resolve(address))

    @property
    def texts(self) -> tuple[str, ...]:
        """The addresses, with versions, of the data that were given out."""
        return tuple(self._texts)

    def named(self, path: PurePath) -> DataName | None:
        """Return which data of this computer a path lies in, if `dataset` gave their folder."""
        for folder in (path, *path.parents) if self._folders else ():
            text = self._folders.get(Path(folder))
            if text is not None:
                inside = path.relative_to(folder).as_posix()
                return DataName(text, "" if inside == "." else inside)
        return None

    def found(self, name: DataName) -> DataPath | Path | None:
        """Return a path in data that were resolved here before; None for any other. Asks nobody.

        The name may come from a machine: it leads to no data but the project's own,
        and to nothing outside them.
        """
        try:
            inside = checked_path(name.inside) if name.inside else ""
        except UnsafePathError:
            return None
        root = self._texts.get(name.text) or self._known(name.text)
        return root / inside if root is not None and inside else root

    def _known(self, text: str) -> DataPath | Path | None:
        now = time.monotonic()
        if now < self._unknown.get(text, now):
            return None  # thousands of paths may come in one value
        resolved = self._found.named(text)
        if resolved is not None:
            return self._at(resolved)
        self._unknown[text] = time.monotonic() + _UNKNOWN_SECONDS
        return None

    def _at(self, resolved: Resolved) -> DataPath | Path:
        root: DataPath | Path
        if resolved.lies_here:
            root = look_here(resolved, self._cache)
            self._folders[root] = resolved.text
        else:
            source = self._found.source(resolved.reference)
            looked = Looked(resolved, source, self._cache, self._say, show=self._show)
            # Of two threads both get the first one's: it brings a file for both.
            looked = self._open.setdefault(resolved.key, looked)
            if looked.resolved.reference.place != resolved.reference.place:
                looked.resolved = resolved  # a signed address whose time was over is given anew
            root = DataPath(looked)
        self._texts[resolved.text] = root
        return root
