"""The window of a sender, on simulated paths: it fills them, and hardly their queues."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.protocol.window import FIRST_BYTES, QUEUE_SECONDS, Window


class Path:
    """A path of one rate and delay with a queue in front, in simulated time."""

    def __init__(self, rate: float, delay: float) -> None:
        self.now = 0.0
        self.rate = rate
        self.delay = delay
        self.window = Window(lambda: self.now)
        self.longest_queue = 0.0
        self._free = 0.0
        self._words: list[tuple[float, int]] = []
        self._sent = 0

    def send(self, count: int) -> float:
        """Send so many bytes as a line does; return the seconds until all are taken."""
        began, left = self.now, count
        while left:
            self._hear()
            while self.window.room <= 0:
                self._wait()
            self.now += max(0.0, self.window.pause)
            piece = min(self.window.piece, left)
            self.window.sent(piece)
            self._sent += piece
            left -= piece
            begins = max(self.now, self._free)
            self.longest_queue = max(self.longest_queue, begins - self.now)
            self._free = begins + piece / self.rate
            self._words.append((self._free + self.delay, self._sent))
        while self._words:
            self._wait()
        return self.now - began

    def _wait(self) -> None:
        self.now = max(self.now, self._words[0][0])
        self._hear()

    def _hear(self) -> None:
        while self._words and self._words[0][0] <= self.now:
            self.window.take(self._words.pop(0)[1])


@pytest.mark.parametrize(
    ("rate", "delay"),
    [(12e6, 0.02), (12e6, 0.08), (1.2e6, 0.05), (100e6, 0.08), (400e6, 0.001), (12e6, 0.2)],
)
def test_a_path_is_filled_without_filling_its_queue(rate: float, delay: float) -> None:
    path = Path(rate, delay)
    path.send(int(20 * rate * max(delay, 0.02)))  # found out what the path takes
    path.longest_queue = 0.0
    size = int(4 * rate)
    seconds = path.send(size)
    assert size / rate / seconds > 0.97 * (1 - delay / seconds)
    # when it begins again it is in haste for one round trip
    hasty = 0.2 * delay
    assert path.longest_queue < 2 * QUEUE_SECONDS + hasty + path.window.piece / rate


def test_a_path_that_became_faster_is_found_out() -> None:
    path = Path(5e6, 0.05)
    path.send(10_000_000)
    path.rate = 50e6
    path.send(100_000_000)
    assert path.send(200_000_000) < 1.1 * (200_000_000 / 50e6 + 0.05)


def test_a_path_that_became_slower_is_found_out() -> None:
    path = Path(50e6, 0.05)
    path.send(100_000_000)
    path.rate = 5e6
    path.send(60_000_000)
    path.longest_queue = 0.0
    path.send(20_000_000)
    assert path.longest_queue < 0.05


def test_small_moves_do_not_make_a_path_look_slow() -> None:
    path = Path(50e6, 0.05)
    path.send(100_000_000)
    before = path.window.limit
    for _ in range(100):
        path.now += 1.0
        path.send(100_000)
    assert path.window.limit > 0.9 * before


def test_before_any_word_little_is_sent() -> None:
    assert Window(lambda: 0.0).room == FIRST_BYTES


def test_word_of_more_than_was_sent_counts_for_what_was_sent() -> None:
    window = Window(lambda: 0.0)
    window.sent(1000)
    window.take(10**12)
    assert (window.taken, window.room > 0) == (1000, True)


def test_word_of_less_than_before_changes_nothing() -> None:
    window = Window(lambda: 0.0)
    window.sent(1000)
    window.take(1000)
    window.take(-5)
    assert window.taken == 1000
