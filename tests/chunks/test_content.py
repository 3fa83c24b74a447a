"""Cuts by content: they add up, do not depend on how the file is read, and survive insertions."""

from __future__ import annotations

import random

import pytest

from jupyter_remote_gpu.chunks.content import LARGEST_BYTES, SMALLEST_BYTES, cut_content


@pytest.mark.parametrize("length", [0, 1, SMALLEST_BYTES, SMALLEST_BYTES + 1, 1_000_000])
def test_the_chunks_add_up(length: int) -> None:
    lengths = cut_content(random.Random(1).randbytes(length))
    assert sum(lengths) == length
    assert all(0 < n <= LARGEST_BYTES for n in lengths)
    assert all(n >= SMALLEST_BYTES for n in lengths[:-1])


@pytest.mark.parametrize("window", [300_000, 1_000_003, 4_000_000])
def test_a_file_read_in_parts_is_cut_like_one_read_whole(window: int) -> None:
    data = random.Random(2).randbytes(6_000_000) + bytes(2_000_000)
    lengths: list[int] = []
    start = 0
    while start < len(data):
        seen = memoryview(data)[start : start + window]
        found = cut_content(seen, whole=start + window >= len(data))
        lengths += found
        start += sum(found)
    assert lengths == cut_content(data)


def test_an_insertion_moves_few_chunks() -> None:
    data = random.Random(3).randbytes(5_000_000)
    changed = data[:2_000_000] + b"x" * 1000 + data[2_000_000:]
    assert len(_chunks(changed) - _chunks(data)) <= 2


def _chunks(data: bytes) -> set[bytes]:
    found = set()
    start = 0
    for length in cut_content(data):
        found.add(data[start : start + length])
        start += length
    return found
