"""Random notebooks for the differential test: short cells over a few names that alias a lot.

A statement is chosen among those whose operands exist; what exists is read off
the reference run, so that cells that failed half way are followed rightly. Each
notebook draws on a few families of statements only, so that its names meet.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import Any

from tests.state.families.arrays import ARRAYS, MORE_ARRAYS
from tests.state.families.classes import CLASSES
from tests.state.families.containers import CONTAINERS
from tests.state.families.core import CORE
from tests.state.families.family import Family
from tests.state.families.flow import FLOW
from tests.state.families.frames import FRAMES
from tests.state.families.functions import FUNCTIONS
from tests.state.families.tensors import TENSORS

NAMES = "abcdefgh"
PLAIN = (CONTAINERS, FUNCTIONS, CLASSES, FLOW)
FAMILIES: dict[str, Family] = {
    f.name: f for f in (CORE, *PLAIN, ARRAYS, MORE_ARRAYS, TENSORS, FRAMES)
}
_SLOT = re.compile(r"\$(=?)([a-z]+)(\d?)")


class Writer:
    """Writes the cells of one notebook; `kinds` says what the names hold at this point."""

    def __init__(
        self,
        seed: int,
        *,
        numpy: bool,
        torch: bool,
        pandas: bool,
        errors: bool,
        families: Iterable[str] = (),
    ) -> None:
        self.random = random.Random(seed)
        self.kinds: dict[str, str] = {}
        self.errors = errors
        chosen = list(families) or self._choose(numpy=numpy, torch=torch, pandas=pandas)
        self.families = [f for f in FAMILIES.values() if f.name in chosen or f is CORE]
        self.prelude = "".join(f.prelude for f in self.families)
        self._shows = {k: v for f in self.families for k, v in f.kinds.items()}
        self._kinds = {t: k for k, v in self._shows.items() for t in v.types}

    def cell(self) -> str:
        """Write a cell of one to four statements that shows some names at its end."""
        written: list[str] = []
        for _ in range(self.random.randint(1, 4)):
            family = self.random.choice(self.families)
            line = self.write(self.random.choice(family.lines))
            if line is not None:
                written.append(line)
        if self.errors and self.random.random() < 0.12:
            written.insert(self.random.randrange(len(written) + 1), "1/0")
        if self.random.random() < 0.3:
            written.append("print('n', n, len(lst), get())")
        shown = self.random.sample(sorted(self.kinds), min(len(self.kinds), 3))
        written += [self.show(name) for name in shown]
        if len(shown) == 3 and self.random.random() < 0.3:
            a, b, c = shown
            written.append(f"print({a} is {b}, {a} is {c}, {b} is {c})")
        return "\n".join(written) or "pass"

    def last(self) -> str:
        """Write the cell that compares all identities and shows everything."""
        names = sorted(self.kinds)
        pairs = [f"{a} is {b}" for i, a in enumerate(names) for b in names[i + 1 :]]
        shows = map(self.show, names)
        return "\n".join([f"print([{', '.join(pairs)}])", *shows, "print(n, lst)"])

    def show(self, name: str) -> str:
        """Write the statement that shows a name."""
        return f"print('{name}', {self._shows[self.kinds[name]].show.replace('@', name)})"

    def look(self, namespace: dict[str, Any]) -> None:
        """Read off the reference what the names hold now."""
        self.kinds = {}
        for name in NAMES:
            kind = self._kinds.get(type(namespace.get(name)).__name__)
            if kind is not None and name in namespace:
                self.kinds[name] = kind

    def write(self, template: str) -> str | None:
        """Fill in a line of a table; None if there is nothing of a kind it wants."""
        filled: dict[str, str] = {}
        bound: dict[str, str] = {}
        slots = list(dict.fromkeys(m.group(0) for m in _SLOT.finditer(template)))
        for slot in sorted(slots, key=lambda s: s.startswith("$=")):
            kind = slot.strip("$=0123456789")
            if kind == "n":
                filled[slot] = str(self.random.randint(0, 9))
            elif slot.startswith("$="):
                free = [n for n in NAMES if n not in filled.values()]
                filled[slot] = self.random.choice(free)
                bound[filled[slot]] = kind
            else:
                found = [n for n, k in self.kinds.items() if kind in (k, "any")]
                if not found:
                    return None
                filled[slot] = self.random.choice(found)
        if template.startswith("del $any"):
            if len(self.kinds) < 3:
                return None
            del self.kinds[filled["$any"]]
        self.kinds.update({n: k for n, k in bound.items() if k in self._shows})
        return _SLOT.sub(lambda m: filled[m.group(0)], template)

    def _choose(self, *, numpy: bool, torch: bool, pandas: bool) -> list[str]:
        """Draw the families of this notebook: one or two plain ones, and of the libraries."""
        chosen = [f.name for f in self.random.sample(PLAIN, self.random.choice((1, 1, 2)))]
        if numpy:
            chosen.append("arrays")
            on = {"more arrays": True, "tensors": torch, "frames": pandas}
            heavy = [name for name, there in on.items() if there]
            if torch or pandas:
                chosen.append(self.random.choice(heavy))
            elif self.random.random() < 0.4:
                chosen.append("more arrays")
        return chosen
