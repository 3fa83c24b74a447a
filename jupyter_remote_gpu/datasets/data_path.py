"""The path that `dataset(…)` is in a local cell: used like a `pathlib.Path`, read from afar."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from stat import S_IFDIR, S_IFREG
from typing import IO, Any

from jupyter_remote_gpu.errors import NotAvailableError
from jupyter_remote_gpu.protocol.data_names import DataName

from .looking import Looked
from .pure_path import PureDataPath
from .whole import LARGE_BYTES, size

_FILE_MODE, _FOLDER_MODE = S_IFREG | 0o444, S_IFDIR | 0o555


class DataPath(PureDataPath):
    """A file or folder of a dataset that lies elsewhere. Nothing can be written there.

    `open`, `read_text` and listing bring what is read; where Python wants a
    file's name (`os.fspath`, as pandas does), the whole file is brought here. A
    folder's name can be had only if all in it is small. In a remote cell it is
    the machine's own path for the same data.
    """

    def __init__(self, looked: Looked, path: str = "") -> None:
        super().__init__(path)
        self._looked = looked

    @property
    def data_name(self) -> DataName:
        """Which data, and what in them: by this a machine finds its own path."""
        return DataName(self._looked.resolved.text, self._inside)

    def __fspath__(self) -> str:
        """Bring the file here and return its name; NotAvailableError for a large folder."""
        if self.is_file():
            return str(self._looked.bring(self._inside))
        wanted = self._below()
        total = sum(self._looked.files[path] or 0 for path in wanted)
        if not wanted:
            raise FileNotFoundError(str(self))
        if total >= LARGE_BYTES:
            raise NotAvailableError(
                f"{self} is a folder of {len(wanted):,} files and {size(total)}: it does not come"
                " to this computer as a whole.",
                hint="Run the cell on the machine (%%remote_gpu), or name one file:"
                f' dataset(…) / "{wanted[0]}".',
            )
        here = [self._looked.bring(path) for path in wanted]
        depth = len(PurePosixPath(wanted[0]).parts) - len(self._path.parts)
        return str(here[0].parents[depth - 1])

    def __str__(self) -> str:
        inside = f"/{self._inside}" if self._inside else ""
        return f"{self._looked.resolved.text}{inside}"

    def __repr__(self) -> str:
        kind = "file" if self.is_file() else "folder" if self.is_dir() else "nothing at"
        return f"<{kind} {self}, read from its source: open() brings what is read>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataPath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def name(self) -> str:
        """The last part; of the dataset itself its name."""
        return self._path.name or self._looked.resolved.reference.name

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self._inside in self._looked.files

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return not self.is_file() and (not self._inside or bool(self._below()))

    def is_symlink(self) -> bool:
        """Return False: nothing in it is a link."""
        return False

    def stat(self) -> os.stat_result:
        """Return kind and size as far as the source says it, no times; FileNotFoundError."""
        if not self.exists():
            raise FileNotFoundError(str(self))
        size_here = self._looked.files.get(self._inside) or 0
        mode = _FILE_MODE if self.is_file() else _FOLDER_MODE
        return os.stat_result((mode, 0, 0, 1, 0, 0, size_here, 0, 0, 0))

    def walk(self) -> Iterator[tuple[DataPath, list[str], list[str]]]:
        """Yield every folder from this one down, with the names of folders and files in it."""
        inner, names = list[str](), list[str]()
        for path in self.iterdir():
            (names if path.is_file() else inner).append(path.name)
        yield self, inner, names
        for name in inner:
            yield from (self / name).walk()

    def iterdir(self) -> Iterator[DataPath]:
        """Yield what lies directly in this folder; FileNotFoundError, NotADirectoryError."""
        if not self.is_dir():
            raise (NotADirectoryError if self.is_file() else FileNotFoundError)(str(self))
        depth = len(self._path.parts) + 1
        names = dict.fromkeys("/".join(path.split("/")[:depth]) for path in self._below())
        for name in names:
            yield DataPath(self._looked, name)

    def glob(self, pattern: str) -> Iterator[DataPath]:
        """Yield the files and folders in this folder that fit; `**/` stands for any depth."""
        depth = len(self._path.parts)
        every: dict[str, None] = {}
        for path in self._below():
            parts = path.split("/")
            every.update(
                dict.fromkeys("/".join(parts[:n]) for n in range(depth + 1, len(parts) + 1))
            )
        for path in every:
            if _fits(path.split("/")[depth:], pattern.split("/")):
                yield DataPath(self._looked, path)

    def rglob(self, pattern: str) -> Iterator[DataPath]:
        """Yield the files and folders at any depth that fit."""
        return self.glob(f"**/{pattern}")

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open the file for reading; what is not read does not come here."""
        if set(mode) - set("rbt") or "r" not in mode:
            raise NotAvailableError(
                f"{self} can only be read; the mode was {mode!r}.",
                hint="Placed data are read-only on machines, too: write beside them.",
            )
        if not self.is_file():
            kind = IsADirectoryError if self.is_dir() else FileNotFoundError
            raise kind(str(self))
        data = self._looked.open(self._inside)
        if "b" in mode:
            return data
        return io.TextIOWrapper(data, encoding=encoding, errors=errors, newline=newline)

    def read_bytes(self) -> bytes:
        """Return all of the file."""
        with self.open("rb") as data:
            return bytes(data.read())

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return all of the file as text."""
        with self.open("r", encoding=encoding, errors=errors) as data:
            return str(data.read())

    def _with(self, path: PurePosixPath) -> DataPath:
        return DataPath(self._looked, str(path))

    def _read_only(self, *_: object, **__: object) -> Any:
        """Refuse: nothing can be written there, as on a machine."""
        raise PermissionError(f"{self} can only be read: write beside the data.")

    write_text = write_bytes = mkdir = rmdir = unlink = touch = chmod = _read_only
    rename = replace = symlink_to = hardlink_to = _read_only

    def _below(self) -> list[str]:
        inside = f"{self._inside}/" if self._inside else ""
        return [path for path in self._looked.files if path.startswith(inside)]


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[n:], pattern[1:]) for n in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])
