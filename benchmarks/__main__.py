"""`python -m benchmarks`: run rows, print the table; 1 if a result was wrong."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import table
from .figures import FULL, QUICK, Comparison
from .rows import ROWS
from .torch_import import LeftOutError

_NAMES = ", ".join(row.name for row in ROWS)
_WHICH = f"of {_NAMES}; `ssh` for all that begin so"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for. A missed target is printed, a wrong result is an exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    wanted = {row.name for row in ROWS for name in options.names if _is_meant(row.name, name)}
    unknown = sorted(n for n in options.names if not any(_is_meant(r.name, n) for r in ROWS))
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}; there are {_NAMES}")
    scale = replace(QUICK if options.quick else FULL)
    if options.rounds is not None:
        scale = replace(scale, rounds=options.rounds)
    around = table.surroundings()
    for name, text in around.items():
        print(f"{name:>8}  {text}")
    if scale.quick:
        print("Quick: sizes are too small for the targets; this shows that everything runs.")
    done: list[tuple[str, list[Comparison]]] = []
    for row in ROWS:
        if options.names and row.name not in wanted:
            continue
        print(f"\n{row.title} ({row.name})", flush=True)
        try:
            comparisons = row.measure(scale)
        except LeftOutError as why:
            print(f"  left out: {why}")
            continue
        done.append((row.name, comparisons))
        print("\n".join(line for c in comparisons for line in table.lines(c)), flush=True)
    if options.json is not None:
        text = json.dumps(table.as_json(around, scale, done), indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return int(any(c.problems for _, comparisons in done for c in comparisons))


def _is_meant(row: str, name: str) -> bool:
    """Say whether `name` means a row: its own name, or what comes before a hyphen in it."""
    return row == name or row.partition("-")[0] == name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {_NAMES}; `ssh` for all of ssh-…"
    )
    parser.add_argument("--rounds", type=_positive, help="rounds of each row instead of its own")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least one round is needed")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
