"""What a benchmark yields: figures of ours and of a rival, taken in turn, and a target."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

RATIO = "ratio"
DIFFERENCE = "difference"
LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured. `rounds` None lets each row take its own number of rounds."""

    rounds: int | None
    cells: int
    lines: int
    flushed: int
    array_bytes: int
    quick: bool


FULL = Scale(None, cells=50, lines=100_000, flushed=100_000, array_bytes=1 << 30, quick=False)
QUICK = Scale(2, cells=10, lines=5_000, flushed=1_000, array_bytes=64 << 20, quick=True)
"""For looking whether all runs; its ratios are dominated by what a cell costs anyway."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed at: a ratio to the rival, a difference from it, or a limit by itself.

    `bound` is a plain number for a ratio, else in the comparison's unit.
    """

    kind: str
    bound: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table. Figures are in `unit`: `s` for seconds or `B` for bytes.

    `problems` are wrong results, such as lost output; times do not count beside one.
    """

    what: str
    ours: Sequence[float]
    rival_name: str
    rival: Sequence[float]
    target: Target
    unit: str = "s"
    notes: Sequence[str] = ()
    problems: Sequence[str] = field(default=())

    @property
    def ratio(self) -> float:
        """Ours divided by the rival's, medians."""
        return statistics.median(self.ours) / statistics.median(self.rival)

    @property
    def value(self) -> float:
        """What is compared with the target's bound."""
        if self.target.kind == RATIO:
            return self.ratio
        if self.target.kind == DIFFERENCE:
            return statistics.median(self.ours) - statistics.median(self.rival)
        return statistics.median(self.ours)

    @property
    def met(self) -> bool:
        """Whether the target was reached and nothing was wrong."""
        return not self.problems and self.value <= self.target.bound


def in_turn(
    rounds: int, takers: Mapping[str, Callable[[], float]], *, warm: bool = True
) -> dict[str, list[float]]:
    """Let every taker measure once a round, the first one another each time.

    A first round that does not count goes before when `warm`. What disturbs
    the machine for a while then disturbs all of them alike.
    """
    names = list(takers)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-int(warm), rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            figure = takers[name]()
            if number >= 0:
                taken[name].append(figure)
    return taken


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
