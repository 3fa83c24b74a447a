"""The path that `dataset(…)` is in a local cell: used like a `pathlib.Path`, read from afar."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import IO, Any

from jupyter_remote_gpu.errors import NotAvailableError

from .looking import Looked
from .whole import LARGE_BYTES, size


class Stat:
    """What `stat` says of such a file: its size, as far as the source says it."""

    def __init__(self, count: int) -> None:
        self.st_size = count


class DataPath:
    """A file or folder of a dataset that lies elsewhere. Nothing can be written there.

    `open`, `read_text` and listing bring what is read; where Python wants a
    file's name (`os.fspath`, as pandas does), the whole file is brought here. A
    folder's name can be had only if all in it is small.
    """

    def __init__(self, looked: Looked, path: str = "") -> None:
        self._looked = looked
        self._path = PurePosixPath(path)

    def __truediv__(self, other: str | PurePosixPath) -> DataPath:
        """Return the path of something in this folder."""
        return DataPath(self._looked, str(self._path / str(other)))

    def joinpath(self, *others: str) -> DataPath:
        """Return the path of something in this folder."""
        return DataPath(self._looked, str(self._path.joinpath(*others)))

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
        kind = "file" if self.is_file() else "folder"
        return f"<{kind} {self}, read from its source: open() brings what is read>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataPath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: DataPath) -> bool:
        return str(self) < str(other)

    @property
    def name(self) -> str:
        """The last part; of the dataset itself its name."""
        return self._path.name or self._looked.resolved.reference.name

    @property
    def stem(self) -> str:
        """The name without its last ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's last ending."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> DataPath:
        """The folder it lies in; the dataset's own folder is its own."""
        return DataPath(self._looked, str(self._path.parent))

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self._inside in self._looked.files

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return not self.is_file() and (not self._inside or bool(self._below()))

    def stat(self) -> Stat:
        """Return the file's size as `st_size`; FileNotFoundError if there is none."""
        if not self.is_file():
            raise FileNotFoundError(str(self))
        return Stat(self._looked.files[self._inside] or 0)

    def iterdir(self) -> Iterator[DataPath]:
        """Yield what lies directly in this folder."""
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
            raise NotAvailableError(f"{self} can only be read; the mode was {mode!r}.")
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

    @property
    def _inside(self) -> str:
        return "" if str(self._path) == "." else str(self._path)

    def _below(self) -> list[str]:
        inside = f"{self._inside}/" if self._inside else ""
        return [path for path in self._looked.files if path.startswith(inside)]


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[n:], pattern[1:]) for n in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])
