"""Packs go squeezed where more of them arrive in a second than of plain ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.session import squeezing
from jupyter_remote_gpu.session.squeezing import JUDGED_BYTES, TRIED_AGAIN, Squeezing


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Sender:
    """Sends packs over a line that takes `plain` seconds for some bytes, or `tight` squeezed."""

    def __init__(self, plain: float, tight: float) -> None:
        self.plain, self.tight = plain, tight
        self.clock = Clock()
        self.squeezing = Squeezing(self.clock)

    def send(self, pack: bytes = b"a text") -> bool:
        """Send as much as is judged at once; return whether it went squeezed."""
        was = self.squeezing.on
        assert self.squeezing.of([pack]) == [b"less" if was and pack == b"a text" else pack]
        self.clock.now += self.tight if was else self.plain
        self.squeezing.sent(JUDGED_BYTES)
        return was


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text becomes less, anything else stays as it is."""

    def squeezed(buffers: Sequence[Buffer]) -> list[Buffer]:
        return [b"less"] if list(buffers) == [b"a text"] else list(buffers)

    monkeypatch.setattr(squeezing, "squeezed", squeezed)


def test_a_slow_line_takes_squeezed_packs_after_one_try() -> None:
    sender = Sender(plain=0.16, tight=0.06)
    assert [sender.send() for _ in range(6)] == [True, False, True, True, True, True]


def test_a_quick_line_takes_plain_ones_and_is_tried_again() -> None:
    sender = Sender(plain=0.02, tight=0.03)
    went = [sender.send() for _ in range(TRIED_AGAIN + 3)]
    assert went == [True, *[False] * (TRIED_AGAIN + 1), True]


def test_a_line_that_becomes_slow_takes_squeezed_ones() -> None:
    sender = Sender(plain=0.02, tight=0.03)
    assert [sender.send() for _ in range(3)] == [True, False, False]
    sender.plain, sender.tight = 1.0, 0.4
    assert [sender.send() for _ in range(3)] == [False, True, True]


def test_what_cannot_be_squeezed_says_nothing() -> None:
    sender = Sender(plain=0.16, tight=0.16)
    assert all(sender.send(b"at random") for _ in range(5))
    sender.tight = 0.06
    assert [sender.send() for _ in range(3)] == [True, False, True]


def test_a_rest_says_nothing_of_the_line() -> None:
    sender = Sender(plain=0.02, tight=0.03)
    sender.send()
    sender.clock.now += 1000
    sender.squeezing.begin()
    assert [sender.send() for _ in range(3)] == [False, True, False]
