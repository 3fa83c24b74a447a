"""Reading a large file that was known: the chunks are those that cutting all of it gives."""

from __future__ import annotations

import random

import pytest

from jupyter_remote_gpu.chunks.content import cut_content
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import Piece
from jupyter_remote_gpu.files import rereading
from jupyter_remote_gpu.files.rereading import Fill, pieces_again

WINDOW_BYTES = 1 << 20
CHANCE = random.Random(5)
BASE = CHANCE.randbytes(3_000_000)
MIDDLE = len(BASE) // 2


def _cut(data: bytes) -> list[Piece]:
    found = []
    at = 0
    for length in cut_content(data):
        found.append(Piece(name_of(data[at : at + length]), length))
        at += length
    return found


def _filling(data: bytes) -> Fill:
    left = memoryview(data)

    def fill(window: memoryview) -> tuple[int, bool]:
        nonlocal left
        some, left = left[: window.nbytes], left[window.nbytes :]
        window[: some.nbytes] = some
        return some.nbytes, some.nbytes < window.nbytes

    return fill


@pytest.mark.parametrize(
    "data",
    [
        BASE,
        BASE[:MIDDLE] + b"inserted" * 128 + BASE[MIDDLE:],
        BASE[:MIDDLE] + BASE[MIDDLE + 5000 :],
        b"front" + BASE,
        BASE + CHANCE.randbytes(700_000),
        BASE[:-1],
        BASE[:1_000_000],
        BASE[MIDDLE:] + BASE[:MIDDLE],
        BASE[:MIDDLE] + bytes(2_000_000) + BASE[MIDDLE:],
        BASE + BASE,
        bytes(WINDOW_BYTES),
        CHANCE.randbytes(WINDOW_BYTES + 1),
        b"",
    ],
    ids=lambda data: str(len(data)),
)
def test_the_chunks_are_those_of_a_whole_cut(data: bytes) -> None:
    assert pieces_again(_filling(data), _cut(BASE), WINDOW_BYTES) == _cut(data)


@pytest.mark.parametrize("seed", range(12))
def test_after_any_edits_the_chunks_are_those_of_a_whole_cut(seed: int) -> None:
    chance = random.Random(seed)
    data = before = BASE[: chance.randrange(len(BASE))]
    for _ in range(chance.randrange(1, 6)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 1, 100, 300_000)))
        data = data[:start] + chance.randbytes(chance.choice((0, 1, 70_000, 400_000))) + data[end:]
    assert pieces_again(_filling(data), _cut(before), WINDOW_BYTES) == _cut(data)


def test_hardly_anything_is_cut_where_little_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = []

    def counted(view: memoryview, *, whole: bool = True) -> list[int]:
        cut.append(view.nbytes)
        return cut_content(view, whole=whole)

    monkeypatch.setattr(rereading, "cut_content", counted)
    data = BASE[:MIDDLE] + b"x" * 1000 + BASE[MIDDLE:]
    pieces_again(_filling(data), _cut(BASE), WINDOW_BYTES)
    assert sum(cut) <= 2 * rereading.ROOM_BYTES


def test_chunks_of_another_chunker_are_as_good() -> None:
    before = [Piece(name_of(BASE[i : i + 500_000]), 500_000) for i in range(0, len(BASE), 500_000)]
    found = pieces_again(_filling(BASE), before, WINDOW_BYTES)
    assert found == before


def test_chunks_too_large_for_a_window_are_cut_anew() -> None:
    found = pieces_again(_filling(BASE), [Piece(name_of(BASE), len(BASE))], WINDOW_BYTES)
    assert found == _cut(BASE)
