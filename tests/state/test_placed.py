"""Paths in placed data travel by the data's name, whichever way a value goes."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from jupyter_remote_gpu.protocol.data_names import DataName, InData
from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.codecs import placed
from jupyter_remote_gpu.state.kinds import Kind, Kinds
from jupyter_remote_gpu.state.pickling import Side, decode, encode
from jupyter_remote_gpu.state.plain import decoder, encoder
from jupyter_remote_gpu.state.plain.memories import Departing
from jupyter_remote_gpu.state.plain.parts import Surroundings

THERE = pathlib.PurePosixPath("/machine/project/data/news")


class Here(InData):
    """Stands for the data at home."""

    def __init__(self, inside: str) -> None:
        self.inside = inside

    @property
    def data_name(self) -> DataName:
        return DataName("kaggle://o/news@1", self.inside)


class AtHome:
    """Knows the news, and no path of this computer that lies in data."""

    def named(self, path: pathlib.Path) -> DataName | None:
        return None

    def found(self, name: DataName) -> Any | None:
        return Here(name.inside) if name.text == "kaggle://o/news@1" else None


class OnTheMachine:
    """Has the news linked in its project."""

    def named(self, path: pathlib.Path) -> DataName | None:
        if not path.is_relative_to(THERE):
            return None
        return DataName("kaggle://o/news@1", path.relative_to(THERE).as_posix())

    def found(self, name: DataName) -> Any | None:
        return pathlib.Path(THERE, name.inside) if name.text == "kaggle://o/news@1" else None


@contextmanager
def _using(places: placed.DataPlaces) -> Iterator[None]:
    """Say where data are for a while."""
    placed.use(places)
    try:
        yield
    finally:
        placed.forget()


def _side(*, outward: bool) -> Side:
    return Side({}, Cells(), outward)


def test_a_path_at_home_is_the_machines_own_there() -> None:
    with _using(AtHome()):
        sent = encode([Here("a.csv"), Here("")], _side(outward=True))
    assert sent.data == {"kaggle://o/news@1"}
    with _using(OnTheMachine()):
        got = decode(sent.head, [], _side(outward=False))
    assert got == [pathlib.Path(THERE, "a.csv"), pathlib.Path(THERE)]
    with pytest.raises(FileNotFoundError, match="kaggle://o/news@1"):
        decode(sent.head, [], _side(outward=False))


@pytest.mark.parametrize("plain", [False, True])
def test_a_machines_path_is_homes_own_here(plain: bool) -> None:
    value = {"in": pathlib.Path(THERE, "a.csv"), "out": pathlib.Path("/machine/project/x")}
    around = Surroundings({}, Cells(), lambda name: None)
    with _using(OnTheMachine()):
        head = encode(value, _side(outward=False)).head
        if plain:
            head = encoder.encode(value, around, Departing([], {}, {}))

    def came() -> Any:
        if plain:
            return decoder.decode(head, [], around).value
        return decode(head, [], _side(outward=True))

    with _using(AtHome()):
        got = came()
    assert got["in"].data_name == DataName("kaggle://o/news@1", "a.csv")
    assert got["out"] == value["out"]
    assert came() == value  # where the data are not known, it is the path it was


def test_such_a_path_links_nothing() -> None:
    assert Kinds().of(Here) is Kind.LEAF
