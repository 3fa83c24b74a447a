"""Row `namespace`: what a cell costs with much in the namespace that it does not touch."""

from __future__ import annotations

from collections.abc import Callable

from . import local_cells, place
from .figures import DIFFERENCE, RATIO, Comparison, Scale, Target, in_turn
from .kernel import Kernel, Notebook
from .remote import Remote

ROUNDS = 12
LOCAL_CELLS = 100
REMOTE = Target(RATIO, 1.5)
LOCAL = Target(DIFFERENCE, 0.3e-3)
CELLS = {"no-op": "pass", "reads one dict": "q = small['lr']"}
SIZES = (
    ("10 names", 10, ""),
    ("1,000 names", 1_000, ""),
    ("100,000 names", 100_000, ""),
    ("a million lists", 10, "lists"),
    ("200,000 tuples", 10, "tuples"),
)
QUICK_SIZES = SIZES[:2]


def measure(scale: Scale) -> list[Comparison]:
    """Compare with the same cells in an empty namespace, and local ones without the extension."""
    sizes = QUICK_SIZES if scale.quick else SIZES
    rounds = scale.rounds or ROUNDS
    with place.opened() as here:
        found = _remote(here, sizes, rounds)
        return found + _local(here, sizes, rounds)


def _remote(
    here: place.Place, sizes: tuple[tuple[str, int, str], ...], rounds: int
) -> list[Comparison]:
    """Time remote cells of two sessions: one with little, one with much at home."""
    found = []
    with Remote(here) as empty, Remote(here, here.home("full")) as full:
        local_cells.fill(empty.names, 0, "")
        for size, count, big in sizes:
            full.local("pass")
            for name in [n for n in full.names if n not in ("small", "__builtins__")]:
                del full.names[name]
            local_cells.fill(full.names, count, big)
            for what, code in CELLS.items():
                full.run(code)  # the first one looks at everything, once
                taken = in_turn(rounds, {"ours": _cell(full, code), "empty": _cell(empty, code)})
                found.append(
                    Comparison(
                        f"remote cell, {what}, {size}",
                        taken["ours"],
                        "hardly any names",
                        taken["empty"],
                        REMOTE,
                    )
                )
    return found


def _cell(remote: Remote, code: str) -> Callable[[], float]:
    def take() -> float:
        remote.run(code)  # the other one had the processor until now
        return min(remote.run(code).seconds for _ in range(3))

    return take


def _local(
    here: place.Place, sizes: tuple[tuple[str, int, str], ...], rounds: int
) -> list[Comparison]:
    """Time local cells in two kernels, with the extension and names on its machine, and without."""
    found = []
    for size, count, big in sizes:
        plain = Kernel(here.folder, here.environ(here.home()))
        ours = Notebook(here.folder, here.environ(here.home("notebook")))
        try:
            for kernel in (plain, ours):
                kernel.run("from benchmarks.local_cells import fill, spent")
                kernel.run(f"fill(globals(), {count}, {big!r})")
            there = [f"v{i}" for i in range(min(count, 1_000))]
            ours.remote(f"len([small, {', '.join(there)}])")
            for what, code in CELLS.items():
                run = f"print(spent(get_ipython(), {code!r}, {LOCAL_CELLS}))"
                taken = in_turn(
                    rounds, {"ours": _printed(ours, run), "plain": _printed(plain, run)}
                )
                found.append(
                    Comparison(
                        f"local cell, {what}, {size}",
                        taken["ours"],
                        "without the extension",
                        taken["plain"],
                        LOCAL,
                        notes=(f"{len(there) + 1:,} names on the machine",),
                    )
                )
        finally:
            ours.close()
            plain.close()
    return found


def _printed(kernel: Kernel, code: str) -> Callable[[], float]:
    return lambda: float("".join(kernel.run(code).texts))
