"""The text of a `%%both` cell: its first line becomes a call of ours, the rest stays."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict

_FIRST_LINE = re.compile(r"%%both(?:\s+(.*))?\s*$")
_CALL = re.compile(r"get_ipython\(\)\.run_line_magic\('both', '\w+'\)")
_KEPT_CELLS = 64
NO_CALL = "# %%both"
"""What the first line is in the text that both sides know the cell by."""


class BothCells:
    """Stands among the shell's transformers of text; remembers the cells it has seen."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def __call__(self, lines: list[str]) -> list[str]:
        """Called by IPython with each cell's lines; returns them with our call in front."""
        first = _FIRST_LINE.match(lines[0]) if lines else None
        if first is None or not "".join(lines[1:]).strip():
            return lines
        body = "".join(lines[1:])
        key = hashlib.blake2b("".join(lines).encode(), digest_size=6).hexdigest()
        self._seen[key] = (first[1] or "", body)
        self._seen.move_to_end(key)
        while len(self._seen) > _KEPT_CELLS:
            self._seen.popitem(last=False)
        return [f"get_ipython().run_line_magic('both', '{key}')\n", *lines[1:]]

    def find(self, key: str) -> tuple[str, str] | None:
        """Return what stands behind `%%both` in a cell, and the lines below; None if unknown."""
        return self._seen.get(key)


def is_both(raw: str) -> bool:
    """Say whether a cell as typed is one for both sides."""
    return raw.lstrip().startswith("%%both")


def without_call(python: str) -> str:
    """Return a transformed cell with a comment in place of our call, line for line the same."""
    return _CALL.sub(NO_CALL, python, count=1)
