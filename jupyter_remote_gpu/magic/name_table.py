"""The table of names: which side holds the newest value, and what moves together."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_remote_gpu.session.summary import names_text, size_text
from jupyter_remote_gpu.state.hub import Row
from jupyter_remote_gpu.state.namespace import is_result

_WIDEST_TEXT = 48


def table_text(rows: Sequence[Row]) -> str:
    """Return a line for each name; "There are no names yet." if there are none."""
    shown = [row for row in rows if not is_result(row.name)]
    if not shown:
        return "There are no names yet."
    table = [("name", "newest", "what", "size", "shares memory with")]
    for row in shown:
        note = names_text([name for name in row.shares_with if not is_result(name)])
        if row.where == "stays":
            note = f"{note}; cannot be copied".lstrip("; ")
        size = size_text(row.bytes) if row.bytes else ""
        table.append((row.name, _where(row), _short(_what(row)), size, note))
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = []
    for name, where, what, size, note in table:
        cells = (
            name.ljust(widths[0]),
            where.ljust(widths[1]),
            what.ljust(widths[2]),
            size.rjust(widths[3]),
            note,
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def details_text(row: Row) -> str:
    """Return all that is known of one name."""
    facts = [
        ("newest", _where(row)),
        ("what", _what(row)),
        ("size", size_text(row.bytes) if row.bytes else ""),
        ("moves with", ", ".join(row.shares_with)),
        ("cannot be copied", row.why),
    ]
    lines = [f"  {label:<16}  {text}" for label, text in facts if text]
    return "\n".join([row.name, *lines])


def _where(row: Row) -> str:
    machines = " and ".join(row.machines)
    if row.where == "both":
        return f"here and {machines}"
    if row.where == "lost":
        return f"lost with {machines}"
    return "here" if row.where == "here" else machines


def _what(row: Row) -> str:
    if row.type in ("class", "function", "module"):
        return f"{row.type} {row.text}"
    return f"{row.type}, {row.text}" if row.text and row.text != row.type else row.type


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST_TEXT else text[: _WIDEST_TEXT - 1] + "…"
