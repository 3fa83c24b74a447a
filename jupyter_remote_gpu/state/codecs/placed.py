"""Paths in placed data: they travel by the data's name, and arrive as the path of the side.

`dataset("kaggle://…")` is a folder on each machine, and something that looks
from afar at home. A path made on one side would lead nowhere on the other.
"""

from __future__ import annotations

import pathlib
from typing import Any, Protocol

from jupyter_remote_gpu.protocol.data_names import DataName, InData

PATHS = frozenset({pathlib.PosixPath, pathlib.WindowsPath})


class DataPlaces(Protocol):
    """Where this process has placed data. Asks nobody; used while values are rebuilt."""

    def named(self, path: pathlib.Path) -> DataName | None:
        """Return which data a path of this side lies in; None if in none."""
        ...

    def found(self, name: DataName) -> Any | None:
        """Return what stands for a path in data on this side; None for data not known here."""
        ...


class _Nowhere:
    """What a process knows of data that was told of none."""

    def named(self, path: pathlib.Path) -> DataName | None:
        return None

    def found(self, name: DataName) -> Any | None:
        return None


_places: list[DataPlaces] = [_Nowhere()]


def use(places: DataPlaces) -> None:
    """Say where this process has data; what was said before counts no more."""
    _places[:] = [places]


def forget() -> None:
    """Undo `use`."""
    use(_Nowhere())


def name_of(value: Any) -> DataName | None:
    """Return which data a value stands for; None for any other value."""
    if isinstance(value, InData):
        return value.data_name
    return _places[0].named(value) if type(value) in PATHS else None


def path_in(value: Any) -> str:
    """Return a value's path on the side it is sent from; "" for what is no path there."""
    return "" if isinstance(value, InData) else str(value)


def placed(text: str, inside: str, path: str) -> Any:
    """Return what stands for data on this side; the sender's own path if they are not known here.

    Raises FileNotFoundError for data that have no such path.
    """
    found = _places[0].found(DataName(text, inside))
    if found is not None:
        return found
    if not path:
        raise FileNotFoundError(f"{text} is not on this machine")
    return pathlib.Path(path)
