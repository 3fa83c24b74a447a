"""Packs go squeezed only while the line is slower than that."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.session import squeezing
from jupyter_remote_gpu.session.squeezing import JUDGED_BYTES, Squeezing


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock by which squeezing a pack takes a hundredth of a second."""
    clock = Clock()

    def squeezed(buffers: Sequence[Buffer]) -> list[Buffer]:
        clock.now += 0.01
        return [b"less"]

    monkeypatch.setattr(squeezing, "squeezed", squeezed)
    return clock


def test_a_slow_line_takes_squeezed_packs(clock: Clock) -> None:
    found = Squeezing(clock)
    for _ in range(5):
        assert found.of([b"a pack"]) == [b"less"]
        clock.now += 0.1
        found.sent(JUDGED_BYTES)
        assert found.on


def test_a_quick_line_takes_them_plain_until_it_is_slow(clock: Clock) -> None:
    found = Squeezing(clock)
    found.of([b"a pack"])
    found.sent(JUDGED_BYTES)
    assert not found.on
    assert found.of([b"a pack"]) == [b"a pack"]
    clock.now += 0.01
    found.sent(JUDGED_BYTES)
    assert not found.on
    clock.now += 1
    found.sent(JUDGED_BYTES)
    assert found.on


def test_a_rest_says_nothing_of_the_line(clock: Clock) -> None:
    found = Squeezing(clock)
    found.of([b"a pack"])
    found.sent(JUDGED_BYTES)
    clock.now += 1000
    found.begin()
    clock.now += 0.01
    found.sent(JUDGED_BYTES)
    assert not found.on
