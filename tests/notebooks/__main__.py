"""`python -m tests.notebooks [FILE …]`: notebooks under many placements, compared with one kernel.

Without files the suite's own notebooks run. A notebook that needs the network
or a package that is not here can be run all the same: `--skip` leaves out
cells that match, and cells that two plain runs show differently are not compared.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

from jupyter_remote_gpu.agent.ending import end_machine

from .outcomes import difference
from .placements import placement
from .running import Difference, placed, plain
from .shrinking import shrink
from .texts import Cell, courses, read

NETWORK = (
    r"urllib|requests\.|wget|curl |pip install|conda |apt|https?://\S+\.(?:csv|zip|gz|json|txt)"
)
PRELUDE = """\
import random
random.seed(0)
try:
    import numpy
    numpy.random.seed(0)
except ImportError:
    print("no NumPy")
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if every placement showed what one kernel shows."""
    asked = _parser().parse_args(argv)
    home = Path(tempfile.mkdtemp(prefix="nb")) / "machine"
    wrong = 0
    try:
        for path in asked.files or courses():
            wrong += _check(path, asked, home)
    finally:
        end_machine(home)
    print(f"{wrong} differences and refusals")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--placements", default="local,remote", help="names, or numbers of seeds")
    parser.add_argument("--seeds", type=int, default=3, help="how many mixed placements besides")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--cells", type=int, default=10_000, help="only so many cells")
    parser.add_argument("--skip", default="", help="leave out cells that match this, or `network`")
    parser.add_argument("--seeded", action="store_true", help="seed random and NumPy first")
    parser.add_argument("--data", type=Path, help="a folder to copy beside the notebook")
    parser.add_argument("--shrink", action="store_true", help="make a failing notebook small")
    parser.add_argument("--log", type=Path, help="append a JSON line for each notebook")
    return parser


def _check(path: Path, asked: argparse.Namespace, home: Path) -> int:
    started = time.monotonic()
    cells = _cells(path, asked)
    expected = plain(cells, home, asked.data)
    again = plain(cells, home, asked.data) if asked.files else expected
    steady = {
        cell.number
        for cell, one, other in zip(cells, expected, again, strict=True)
        if not difference(one, other)
    }
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    names = [name for name in asked.placements.split(",") if name] + [str(s) for s in seeds]
    wrong = 0
    for name in names:
        where = placement(name, cells)
        found = [
            d
            for d in placed(cells, where, expected, home, asked.data)
            if d.refused or d.cell.number in steady
        ]
        for one in found:
            print(f"--- {path} placement {name}: {'REFUSED ' * one.refused}{one}", flush=True)
        if found and asked.shrink:
            _show_small(path, cells, name, found[0], home, asked)
        wrong += len(found)
    seconds = time.monotonic() - started
    print(
        f"{path}: {len(cells)} cells, {len(cells) - len(steady)} unsteady, {len(names)} placements,"
        f" {wrong} differences and refusals, {seconds:.0f} s",
        flush=True,
    )
    if asked.log:
        with asked.log.open("a") as log:
            row = [str(path), len(cells), len(cells) - len(steady), len(names), wrong]
            log.write(json.dumps(row) + "\n")
    return wrong


def _cells(path: Path, asked: argparse.Namespace) -> list[Cell]:
    texts = [cell.text for cell in read(path)]
    skip = NETWORK if asked.skip == "network" else asked.skip
    if skip:
        texts = [text for text in texts if not re.search(skip, text)]
    texts = ([PRELUDE] if asked.seeded else []) + texts[: asked.cells]
    return [Cell(number, text) for number, text in enumerate(texts)]


def _show_small(
    path: Path,
    cells: list[Cell],
    name: str,
    first: Difference,
    home: Path,
    asked: argparse.Namespace,
) -> None:
    def fails(fewer: list[Cell], where: object) -> bool:
        expected = plain(fewer, home, asked.data)
        found = placed(fewer, where, expected, home, asked.data, first_only=True)  # type: ignore[arg-type]
        return any(d.cell.number == first.cell.number and d.refused == first.refused for d in found)

    small, where = shrink(cells, placement(name, cells), first.cell.number, fails)
    print(f"=== {path} placement {name}, made small:")
    for cell in small:
        print(f"# %% {'there' if cell.number in where.remote else 'here'}\n{cell.text}")


if __name__ == "__main__":
    sys.exit(main())
