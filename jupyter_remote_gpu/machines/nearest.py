"""The known words nearest to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return up to `count` of `known` that look like `word`, the most alike first."""
    return difflib.get_close_matches(word.lower(), sorted(set(known)), n=count, cutoff=0.6)


def did_you_mean(candidates: list[str]) -> str:
    """Return "Did you mean a, b or c?", or nothing where there is no candidate."""
    if not candidates:
        return ""
    *first, last = candidates
    return f"Did you mean {', '.join(first)} or {last}?" if first else f"Did you mean {last}?"
