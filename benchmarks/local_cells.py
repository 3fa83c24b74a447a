"""How long local cells take inside a kernel; imported there by row `namespace`."""

from __future__ import annotations

import statistics
import time
from typing import Any


def fill(names: dict[str, Any], count: int, big: str) -> None:
    """Bind `count` small lists, `small`, and what `big` makes: lists or tuples."""
    names.update({f"v{i}": [i] for i in range(count)})
    names["small"] = {"lr": 0.1}
    if big == "lists":
        names["big"] = [[i] for i in range(1_000_000)]
    elif big == "tuples":
        names["big"] = {i: (i, str(i)) for i in range(200_000)}


def spent(shell: Any, code: str, count: int) -> float:
    """Run a cell `count` times in `shell` and return the median of seconds each took."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        shell.run_cell(code, store_history=False)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
