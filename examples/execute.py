"""`python -m examples.execute NAME…`: run notebooks and store their outputs in them.

With `--check` nothing is written: what a run shows is compared with what is stored.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nbformat import NotebookNode

from .running.cells import Cell
from .running.compare import Difference, differences
from .running.notebook import read, write
from .running.run import EXAMPLES, NotebookFailedError, Unfollowed, run
from .running.settle import settle


def executed(path: Path, folder: Path | None = None) -> NotebookNode:
    """Return the notebook at `path` run afresh in `folder` (its own if None), settled.

    Blocks for the whole run. Raises NotebookFailedError.
    """
    notebook = read(path)
    run(notebook, folder=folder or path.parent, follower=_Lines())
    settle(notebook)
    return notebook


def check(path: Path, folder: Path | None = None) -> list[Difference]:
    """Run the notebook at `path` and return where it shows other things than are stored."""
    return differences(read(path), executed(path, folder))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, or 1 if a notebook failed or differs, or 2 on a wrong name."""
    parser = argparse.ArgumentParser(prog="python -m examples.execute", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="quickstart, digits")
    parser.add_argument("--check", action="store_true", help="compare instead of storing")
    options = parser.parse_args(arguments)
    paths = [EXAMPLES / f"{Path(name).stem}.ipynb" for name in options.names]
    for path in paths:
        if not path.is_file():
            known = ", ".join(sorted(other.stem for other in EXAMPLES.glob("*.ipynb")))
            print(f"There is no example {path.stem!r}; there are: {known}.", file=sys.stderr)
            return 2
    return max([_check_one(path) if options.check else _store_one(path) for path in paths])


def _store_one(path: Path) -> int:
    try:
        notebook = executed(path)
    except NotebookFailedError as error:
        print(f"{path.name} is left as it was. {error}", file=sys.stderr)
        return 1
    write(notebook, path)
    print(f"{path.name}: stored, {path.stat().st_size / 1000:.0f} kB")
    return 0


def _check_one(path: Path) -> int:
    try:
        found = check(path)
    except NotebookFailedError as error:
        print(f"{path.name} did not run. {error}", file=sys.stderr)
        return 1
    for difference in found:
        print(f"{path.name}, {difference}", file=sys.stderr)
    print(f"{path.name}: {'shows what is stored' if not found else 'differs from what is stored'}")
    return 1 if found else 0


class _Lines(Unfollowed):
    """A line on the terminal for every cell that ended."""

    def cell_ended(self, cell: Cell, seconds: float) -> None:
        """Print the cell and how long it took."""
        print(f"{cell}  ({seconds:.1f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
