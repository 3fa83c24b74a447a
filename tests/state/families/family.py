"""What a family of statements is: a prelude, the kinds of values it knows, and a table of lines.

In a line `$list` is an existing name that holds a list, `$list2` another one
(perhaps the same), `$=list` a name bound to a list by this line, `$any` an
existing name of any kind, `$n` a digit. `@` in a show stands for the name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of value: the types that are it, and the expression that shows one."""

    types: tuple[str, ...]
    show: str


@dataclass(frozen=True)
class Family:
    """Statements that belong together; `needs` are families without which it makes no sense."""

    name: str
    prelude: str
    kinds: dict[str, Kind]
    lines: tuple[str, ...]
    needs: tuple[str, ...] = ()


def kind(types: str, show: str) -> Kind:
    """Make a kind from the words of `types`."""
    return Kind(tuple(types.split()), show)


def lines(text: str) -> tuple[str, ...]:
    """Read a table of one statement a row; `;;` stands for a line break within it."""
    joined = re.sub(r"\n\s*;;", ";;", text)
    rows = (row.strip() for row in joined.splitlines())
    return tuple(row.replace(";;", "\n") for row in rows if row)
