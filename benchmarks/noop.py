"""Row `noop`: a cell that does nothing, back to back: what a remote cell costs at least."""

from __future__ import annotations

from collections.abc import Callable

from . import place
from .figures import RATIO, Comparison, Scale, Target, in_turn
from .kernel import Kernel, Notebook, Ran
from .remote import Remote

ROUNDS = 10
TARGET = Target(RATIO, 1.5)
NOTHING = "pass"


def measure(scale: Scale) -> list[Comparison]:
    """Compare bursts of cells: our session with one raw kernel, a notebook with two in a row."""
    with place.opened() as here:
        raw = Kernel(here.folder, here.environ(here.home()))
        notebook = Notebook(here.folder, here.environ(here.home("notebook")))
        try:
            notebook.remote("pass")
            place.await_spare(here.home("notebook"))
            with Remote(here) as remote:
                cells: dict[str, list[float]] = {"session": [], "raw": [], "notebook": []}
                in_turn(
                    scale.rounds or ROUNDS,
                    {
                        "raw": _burst(raw.run, scale.cells, cells["raw"]),
                        "session": _burst(remote.run, scale.cells, cells["session"]),
                        "notebook": _burst(notebook.remote, scale.cells, cells["notebook"]),
                    },
                    warm=False,
                )
        finally:
            notebook.close()
            raw.close()
    twice = [sum(pair) for pair in zip(cells["raw"][::2], cells["raw"][1::2], strict=True)]
    return [
        Comparison(
            "session to remote kernel", cells["session"], "raw ipykernel", cells["raw"], TARGET
        ),
        Comparison(
            "notebook to remote kernel", cells["notebook"], "two raw ipykernels", twice, TARGET
        ),
    ]


def _burst(run: Callable[[str], Ran], count: int, figures: list[float]) -> Callable[[], float]:
    """Return a taker that runs `count` cells back to back and keeps the time of each."""

    def take() -> float:
        run(NOTHING)  # another kernel had the processor until now
        taken = [run(NOTHING).seconds for _ in range(2 * (count // 2))]
        figures.extend(taken)
        return sum(taken)

    return take
