"""Row `first`: how soon the first line of a cell that goes on running is seen."""

from __future__ import annotations

from collections.abc import Callable

from . import place
from .figures import LIMIT, Comparison, Scale, Target, in_turn
from .kernel import CellFailedError, Kernel, Notebook, Ran
from .remote import Remote

ROUNDS = 12
TARGET = Target(LIMIT, 0.060)
CODE = "import time\nprint('first')\ntime.sleep(0.4)"
"""It goes on for longer than ipykernel holds text back (0.2 s)."""


def measure(scale: Scale) -> list[Comparison]:
    """Compare our session and a notebook with the raw kernel."""
    with place.opened() as here:
        raw = Kernel(here.folder, here.environ(here.home()))
        notebook = Notebook(here.folder, here.environ(here.home("notebook")))
        try:
            notebook.remote("pass")
            place.await_spare(here.home("notebook"))
            with Remote(here) as remote:
                taken = in_turn(
                    scale.rounds or ROUNDS,
                    {
                        "raw": _taker(raw.run),
                        "session": _taker(remote.run),
                        "notebook": _taker(notebook.remote),
                    },
                )
        finally:
            notebook.close()
            raw.close()
    return [
        Comparison(f"seen by the {name}", taken[name], "raw ipykernel", taken["raw"], TARGET)
        for name in ("session", "notebook")
    ]


def _taker(run: Callable[[str], Ran]) -> Callable[[], float]:
    def take() -> float:
        seen = run(CODE).first_seconds
        if seen is None:
            raise CellFailedError("the line did not come at all")
        return seen

    return take
