"""Making a notebook that differs smaller: cells, then statements, as long as it still differs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

Cells = list[tuple[str, int]]
Outcome = tuple[str, str]  # what was expected, what was found


def shrunk(
    cells: Cells, outcome: Outcome, differs: Callable[[Cells], Outcome | None]
) -> tuple[Cells, Outcome]:
    """Return the smallest variant found for which `differs` still tells the same kind of thing."""
    changed = True
    while changed:
        changed = False
        for candidate in _smaller(cells):
            found = differs(candidate)
            if found is not None and _alike(found, outcome):
                cells, outcome, changed = candidate, found, True
                break
    return cells, outcome


def _alike(one: Outcome, other: Outcome) -> bool:
    """Tell output that differs from errors that differ, so that shrinking keeps its aim."""
    return all(("Error" in a) == ("Error" in b) for a, b in zip(one, other, strict=True))


def _smaller(cells: Cells) -> Iterator[Cells]:
    """Yield variants with a cell or a statement less; the last cell stays."""
    for i in range(len(cells) - 2, -1, -1):
        yield cells[:i] + cells[i + 1 :]
    for i in range(len(cells) - 1, -1, -1):
        source, machine = cells[i]
        for less in _fewer_statements(source):
            yield [*cells[:i], (less, machine), *cells[i + 1 :]]


def _fewer_statements(source: str) -> Iterator[str]:
    """Yield the text without one of its statements, the inner ones of blocks last."""
    count = len(list(_bodies(ast.parse(source))))
    for number in range(count):
        tree = ast.parse(source)
        body, index = list(_bodies(tree))[number]
        del body[index]
        if body or body is tree.body:
            yield ast.unparse(tree) or "pass"


def _bodies(tree: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    """Yield each statement as (the list it is in, its index), those of outer blocks first."""
    inner = []
    for field in ("body", "orelse", "finalbody", "handlers"):
        found = getattr(tree, field, None)
        if isinstance(found, list):
            if field != "handlers":
                yield from ((found, index) for index in range(len(found)))
            inner += found
    for node in inner:
        yield from _bodies(node)
