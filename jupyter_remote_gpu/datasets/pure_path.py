"""What can be asked of a path in data without asking anybody: names, endings, parents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from jupyter_remote_gpu.errors import NotAvailableError
from jupyter_remote_gpu.protocol.data_names import InData

Self = TypeVar("Self", bound="PureDataPath")


class PureDataPath(InData):
    """The part of `DataPath` that `pathlib` calls pure: a path below the data's own folder.

    Raises NotAvailableError for a path that leads out of that folder.
    """

    def __init__(self, path: str) -> None:
        kept: list[str] = []
        for part in PurePosixPath(path).parts:
            if part == "/" or (part == ".." and not kept):
                raise NotAvailableError(
                    f"{path!r} leads out of the data.",
                    hint="In a local cell only what is in the data can be looked at.",
                )
            if part == "..":
                kept.pop()
            else:
                kept.append(part)
        self._path = PurePosixPath(*kept)

    def __truediv__(self: Self, other: str | PurePosixPath) -> Self:
        """Return the path of something in this folder."""
        return self._with(self._path / str(other))

    def __lt__(self, other: PureDataPath) -> bool:
        return str(self) < str(other)

    def joinpath(self: Self, *others: str) -> Self:
        """Return the path of something in this folder."""
        for other in others:
            self = self / other
        return self

    @property
    @abstractmethod
    def name(self) -> str:
        """The last part."""

    @property
    def stem(self) -> str:
        """The name without its last ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's last ending."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """All endings of the name."""
        return PurePosixPath(self.name).suffixes

    @property
    def parent(self: Self) -> Self:
        """The folder it lies in; the dataset's own folder is its own."""
        return self._with(self._path.parent)

    @property
    def parents(self: Self) -> Sequence[Self]:
        """The folders it lies in, up to the dataset's own."""
        return [self._with(path) for path in self._path.parents]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path: the address, then those below it."""
        whole = str(self)
        return (whole[: len(whole) - len(self._inside)].rstrip("/"), *self._path.parts)

    def with_name(self: Self, name: str) -> Self:
        """Return the path of another name in the same folder."""
        return self._with(self._path.with_name(name))

    def with_stem(self: Self, stem: str) -> Self:
        """Return the path of a name with another stem and the same ending."""
        return self._with(self._path.with_stem(stem))

    def with_suffix(self: Self, suffix: str) -> Self:
        """Return the path of a name with another ending."""
        return self._with(self._path.with_suffix(suffix))

    def relative_to(self, other: PureDataPath) -> PurePosixPath:
        """Return the path from a folder of the same data; ValueError for one it is not in."""
        if not self.is_relative_to(other):
            raise ValueError(f"{self} is not in {other}")
        return self._path.relative_to(other._path)

    def is_relative_to(self, other: object) -> bool:
        """Say whether it lies in a folder of the same data."""
        same = isinstance(other, PureDataPath) and self._whole == other._whole
        return same and self._path.is_relative_to(other._path)  # type: ignore[attr-defined]

    def match(self, pattern: str) -> bool:
        """Say whether the end of the path fits."""
        return self._path.match(pattern)

    def is_absolute(self) -> bool:
        """Return True: it does not depend on the working folder."""
        return True

    def resolve(self: Self, strict: bool = False) -> Self:
        """Return itself: nothing in data is a link."""
        return self

    def absolute(self: Self) -> Self:
        """Return itself."""
        return self

    def expanduser(self: Self) -> Self:
        """Return itself."""
        return self

    def as_posix(self) -> str:
        """Return it as text."""
        return str(self)

    @property
    def _inside(self) -> str:
        return "" if str(self._path) == "." else str(self._path)

    @property
    def _whole(self) -> str:
        """What tells the data from others."""
        return self.data_name.text

    @abstractmethod
    def _with(self: Self, path: PurePosixPath) -> Self:
        """Return another path in the same data."""
