"""The classes measured: each a few lines of Python, read from the texts beside this file.

A sample begins with `## library: class`. Its lines make `value`; the line with
`?` is an expression that looks at it, the one with `!` changes it. The list
follows the classes that Kishu (VLDB 2025) names in its documentation; where a
class has been renamed since, the sample uses today's name, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One class: how an instance is made, looked at and changed."""

    library: str
    name: str
    make: str
    look: str
    change: str


def samples() -> list[Sample]:
    """Return all samples, by library and class."""
    found = [sample for path in FOLDER.glob("*.txt") for sample in _read(path)]
    return sorted(found, key=lambda s: (s.library, s.name))


def _read(path: Path) -> list[Sample]:
    blocks = path.read_text(encoding="utf-8").split("## ")[1:]
    return [_parsed(block) for block in blocks]


def _parsed(block: str) -> Sample:
    head, *lines = [line for line in block.splitlines() if line.strip()]
    library, name = head.split(": ", 1)
    look = next(line[2:] for line in lines if line.startswith("? "))
    change = next(line[2:] for line in lines if line.startswith("! "))
    make = [line for line in lines if not line.startswith(("? ", "! "))]
    return Sample(library, name, "\n".join(make), look, change)
