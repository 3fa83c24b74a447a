"""What plain data may ask for: bounds on depth, counts and memory, and the error beyond them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

from jupyter_remote_gpu.errors import CannotTravelError, ProtocolError

MAX_HASHED_DEPTH = 500
"""Tuples in tuples that may be hashed: hashing recurses in C, without a guard."""
MAX_PATTERN_CHARS = 1000
MAX_PATTERNS = 200
MAX_DIMENSIONS = 32
MAX_BIG_INTEGER_BYTES = 1 << 24
_SPARED = 0.9
_WATCHED_KEYS = 256
_COLLISIONS_EACH = 64


class NotPlainError(ProtocolError):
    """Plain data breaks a rule of its format; nothing was made of it."""


def broken(rule: str) -> NoReturn:
    """Raise `NotPlainError` naming the rule."""
    raise NotPlainError(f"plain data from the machine breaks the rule: {rule}")


def must(condition: bool, rule: str) -> None:
    """Raise `NotPlainError` naming the rule unless `condition`."""
    if not condition:
        broken(rule)


def refuse(what: str) -> NoReturn:
    """Raise `CannotTravelError` for a value that plain data cannot hold."""
    raise CannotTravelError(what)


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is easier to read without quotes."""
    return frozenset(text.split())


def free_bytes() -> int:
    """Return how much memory this computer has left, in bytes; a large number if unknown."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: asked otherwise below
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 1 << 40


def room_for(count: int, what: str) -> None:
    """Raise `CannotTravelError` unless `count` bytes fit into memory, before any is allocated."""
    free = free_bytes()
    if count > free * _SPARED:
        raise CannotTravelError(
            f"This cell was not run. {what} would take {count / 1e9:,.1f} GB of this computer's "
            f"memory, of which {free / 1e9:,.1f} GB are free.",
            hint="Bring a part of it, or use it in a %%remote_gpu cell.",
        )


def evenly_hashed(keys: Iterable[Any], count: int) -> None:
    """Refuse keys made to collide: a dictionary of them takes hours to fill."""
    if count > _WATCHED_KEYS:
        same = Counter(map(hash, keys))
        work = sum(n * n for n in same.values())
        must(
            work <= _COLLISIONS_EACH * count, "keys of one dictionary or set have different hashes"
        )
