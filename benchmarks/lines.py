"""Rows `lines` and `flushed`: 100,000 lines of output, none lost and none doubled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import place
from .figures import RATIO, Comparison, Scale, Target, in_turn
from .kernel import Kernel, Notebook, Ran
from .remote import Remote

LINES_ROUNDS = 5
FLUSHED_ROUNDS = 1
LINES_TARGET = Target(RATIO, 1.2)
FLUSHED_TARGET = Target(RATIO, 0.2)
LINE_CHARACTERS = 80


def measure_lines(scale: Scale) -> list[Comparison]:
    """Compare printing lines of 80 characters: raw kernel, session, notebook."""
    code = f"for i in range({scale.lines}):\n    print(f'{{i:07d}}' + 'x' * {LINE_CHARACTERS - 8})"
    expected = [f"{i:07d}" + "x" * (LINE_CHARACTERS - 8) for i in range(scale.lines)]
    return _measure(code, expected, scale.rounds or LINES_ROUNDS, LINES_TARGET, warm=True)


def measure_flushed(scale: Scale) -> list[Comparison]:
    """Compare printing short lines, each flushed, as every `logging` handler does."""
    code = f"for i in range({scale.flushed}):\n    print(i, flush=True)"
    expected = [str(i) for i in range(scale.flushed)]
    return _measure(code, expected, scale.rounds or FLUSHED_ROUNDS, FLUSHED_TARGET, warm=False)


def _measure(
    code: str, expected: Sequence[str], rounds: int, target: Target, *, warm: bool
) -> list[Comparison]:
    with place.opened() as here:
        raw = Kernel(here.folder, here.environ(here.home()))
        notebook = Notebook(here.folder, here.environ(here.home("notebook")))
        try:
            notebook.remote("pass")
            place.await_spare(here.home("notebook"))
            with Remote(here) as remote:
                raw.run("pass")
                told: dict[str, list[str]] = {"raw": [], "session": [], "notebook": []}
                taken = in_turn(
                    rounds,
                    {
                        "raw": _taker(raw.run, code, expected, told["raw"]),
                        "session": _taker(remote.run, code, expected, told["session"]),
                        "notebook": _taker(notebook.remote, code, expected, told["notebook"]),
                    },
                    warm=warm,
                )
        finally:
            notebook.close()
            raw.close()
    rival = tuple(f"raw ipykernel: {text}" for text in dict.fromkeys(told["raw"]))
    return [
        Comparison(
            f"{len(expected):,} lines, {name}",
            taken[name],
            "raw ipykernel",
            taken["raw"],
            target,
            notes=(*rival, *([] if told[name] else ["ours: all lines, in order, once"])),
            problems=tuple(dict.fromkeys(told[name])),
        )
        for name in ("session", "notebook")
    ]


def _taker(
    run: Callable[[str], Ran], code: str, expected: Sequence[str], told: list[str]
) -> Callable[[], float]:
    """Return a taker that also compares what arrived with what was printed."""

    def take() -> float:
        ran = run(code)
        wrong = difference(expected, "".join(ran.texts).splitlines())
        if wrong:
            told.append(wrong)
        if ran.idle_lost:
            told.append("the status `idle` was lost")
        return ran.seconds

    return take


def difference(expected: Sequence[str], arrived: Sequence[str]) -> str:
    """Say how many lines were lost, doubled or out of order; nothing if all is well."""
    if list(expected) == list(arrived):
        return ""
    lost = len(set(expected) - set(arrived))
    doubled = len(arrived) - len(set(arrived))
    if not lost and not doubled:
        return "lines came in another order, or with other text between"
    return f"{lost:,} of {len(expected):,} lines lost, {doubled:,} doubled"
