"""Which object each name of a namespace holds: what was rebound since the last look, fast.

A look at 100,000 names takes a millisecond or two, not the time of a loop in Python.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Iterable
from typing import Any

BLIND = frozenset({"exec", "eval", "globals", "locals", "vars", "__import__"})
"""Through these a cell reads and binds names that neither its text nor its functions show."""
_WORD = array("Q").itemsize
_BLOCK_WORDS = 512
_BLOCK = _BLOCK_WORDS * _WORD
_TUPLE_HEAD = tuple.__basicsize__


def _asked(values: Iterable[Any]) -> bytes:
    """Ask for each identity: works everywhere, four times slower than copying a tuple."""
    return array("Q", map(id, values)).tobytes()


def _copied(values: Iterable[Any]) -> bytes:
    """Copy the pointers that a tuple consists of, which are what `id` tells."""
    held = tuple(values)
    return ctypes.string_at(id(held) + _TUPLE_HEAD, _WORD * len(held))


def _chosen() -> Callable[[Iterable[Any]], bytes]:
    """Copy where this Python lays tuples out as we know it, else ask."""
    import sys

    probe = (object(), "x", 1, object())
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != _WORD:
        return _asked
    return _copied if _copied(probe) == _asked(probe) else _asked


identities = _chosen()


class Bindings:
    """Notices which names of `namespace` were bound, rebound or deleted between two looks.

    Objects are told by identity, none is kept alive: a name rebound to a new
    object at the very place of its freed old one is not noticed. Who knows that
    a name may be rebound compares it exactly (`namespace.Held`).
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._names: list[str] = []
        self._held = b""

    def look(self) -> tuple[list[str], list[str]]:
        """Return (bound or rebound, deleted) since the last look; all names the first time.

        A dict keeps its order, and what is added comes last: so where the two
        lists of names part, the old one has a name that was deleted (and perhaps
        bound again later), and the rest of both goes on alike.
        """
        old_names, old = self._names, self._held
        names, now = list(self._namespace), identities(self._namespace.values())
        self._names, self._held = names, now
        bound: list[str] = []
        moved: dict[str, bytes] = {}
        here = there = 0
        while here < len(old_names):
            alike = _alike(old_names, here, names, there)
            bound += _rebound(names, there, alike, old[here * _WORD :], now[there * _WORD :])
            here, there = here + alike, there + alike
            if here < len(old_names):
                moved[old_names[here]] = old[here * _WORD : (here + 1) * _WORD]
            here += 1
        deleted = [name for name in moved if name not in self._namespace]
        same = {n for n, held in moved.items() if n not in deleted and held == self._identity(n)}
        return bound + [n for n in names[there:] if n not in same], deleted

    def _identity(self, name: str) -> bytes:
        return identities([self._namespace[name]])


def _alike(old: list[str], here: int, new: list[str], there: int) -> int:
    """Return for how many names two lists go on alike from these places on."""
    most = min(len(old) - here, len(new) - there)
    low, step = 0, _BLOCK_WORDS
    while low < most:
        step = min(step, most - low)
        if old[here + low : here + low + step] == new[there + low : there + low + step]:
            low += step
        elif step == 1:
            break
        else:
            step = max(1, step // 8)
            most = min(most, low + step * 8)
    return low


def _rebound(names: list[str], first: int, count: int, before: bytes, now: bytes) -> list[str]:
    """Return which of `count` names got another object; the others are passed over in blocks."""
    found: list[str] = []
    if before[: count * _WORD] == now[: count * _WORD]:
        return found
    for start in range(0, count * _WORD, _BLOCK):
        end = min(start + _BLOCK, count * _WORD)
        old, new = before[start:end], now[start:end]
        if new != old:
            pairs = zip(memoryview(old).cast("Q"), memoryview(new).cast("Q"), strict=True)
            place = first + start // _WORD
            found += [names[place + i] for i, (a, b) in enumerate(pairs) if a != b]
    return found
