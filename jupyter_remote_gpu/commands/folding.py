"""A long list of files as a few lines: folders stand for what lies in them. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list: a path, or a folder that stands for `count` files in it.

    `path` is None for the line that stands for all that has no line of its own;
    `bytes` is None where nobody knows.
    """

    path: str | None
    bytes: int | None
    note: str = ""
    count: int = 1
    is_folder: bool = False


@dataclass(slots=True, eq=False)
class _Node:
    """A path of the list and what lies below it; `row` if it is itself in the list."""

    path: str
    row: Row | None = None
    below: dict[str, _Node] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    bytes: int = 0

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.bytes += row.bytes or 0

    @property
    def weight(self) -> tuple[int, int]:
        return self.bytes, len(self.rows)


def folded(rows: Iterable[Row], most: int) -> list[Row]:
    """Return at most `most` rows, by path, that stand for these.

    The folders with the most bytes in them are opened first, so that what is
    large has a line of its own. `most` is at least 1.
    """
    given = list(rows)
    if len(given) <= most:
        return sorted(given, key=_by_path)
    shown = _opened(_tree(given), most)
    if len(shown) <= most:
        return sorted((_row(node) for node in shown), key=_by_path)
    shown.sort(key=lambda node: node.weight, reverse=True)
    rest = [row for node in shown[most - 1 :] for row in node.rows]
    kept = sorted((_row(node) for node in shown[: most - 1]), key=_by_path)
    return [*kept, _standing_for(None, rest)]


def _opened(root: _Node, most: int) -> list[_Node]:
    """Return the nodes that get a line, the heaviest folders opened while there is room."""
    shown, done = list(root.below.values()), set[str]()
    while len(shown) <= most:
        shown = [_only_one(node) for node in shown]
        closed = [node for node in shown if node.below and node.path not in done]
        if not closed:
            break
        node = max(closed, key=lambda node: node.weight)
        parts = len(node.below) + (node.row is not None)
        if len(shown) - 1 + parts > most:
            done.add(node.path)
            continue
        shown.remove(node)
        shown += node.below.values()
        if node.row is not None:
            shown.append(_Node(node.path, node.row, {}, [node.row], node.row.bytes or 0))
    return [_only_one(node) for node in shown]


def _only_one(node: _Node) -> _Node:
    """Go down while there is only one way: `a/` with nothing but `a/b/` in it is `a/b/`."""
    while node.row is None and len(node.below) == 1:
        (node,) = node.below.values()
    return node


def _tree(rows: list[Row]) -> _Node:
    root = _Node("")
    for row in rows:
        node = root
        for name in (row.path or "").split("/"):
            path = f"{node.path}/{name}" if node.path else name
            node = node.below.setdefault(name, _Node(path))
            node.add(row)
        node.row = row
    return root


def _row(node: _Node) -> Row:
    if node.row is not None and len(node.rows) == 1:
        return node.row
    return _standing_for(node.path, node.rows)


def _standing_for(path: str | None, rows: list[Row]) -> Row:
    notes = {row.note for row in rows}
    known = [row.bytes for row in rows if row.bytes is not None]
    return Row(
        path,
        sum(known) if known else None,
        notes.pop() if len(notes) == 1 else "",
        sum(row.count for row in rows),
        is_folder=True,
    )


def _by_path(row: Row) -> tuple[bool, str]:
    return row.path is None, row.path or ""
