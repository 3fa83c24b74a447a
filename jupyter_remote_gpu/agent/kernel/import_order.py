"""Which module has to be loaded anew before which, by the imports in their files."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.util
from collections.abc import Iterable

from jupyter_remote_gpu.state.loaded import Change, Loaded


def in_order(changes: Iterable[Change], loaded: Iterable[Loaded]) -> list[Change]:
    """Sort changes so that a module comes after those it imports now, directly or not.

    Else they stay in the order in which their first import ended. Of modules that
    import each other, that one comes last.
    """
    wanted = {change.loaded.name: change for change in changes}
    known = {one.name: one for one in loaded}
    found: list[Change] = []
    entered: set[str] = set()

    def enter(start: str) -> None:
        stack = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                if name in wanted:
                    found.append(wanted[name])
            elif name not in entered:
                entered.add(name)
                stack.append((name, True))
                state = wanted[name].now if name in wanted else known[name].state
                source = b"" if state is None else state.source
                package = known[name].spec.parent or ""
                below = _imports(source or b"", package) & known.keys()
                stack.extend((one, False) for one in sorted(below, reverse=True))

    for name in wanted:
        enter(name)
    return found


@functools.lru_cache(maxsize=4096)
def _imports(source: bytes, package: str) -> frozenset[str]:
    """Return the names of all modules that a source may import, however deep inside."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            with contextlib.suppress(ImportError):  # it leaves its package: Python will say so
                name = "." * node.level + (node.module or "")
                base = importlib.util.resolve_name(name, package) if node.level else name
                found.add(base)
                found.update(f"{base}.{alias.name}" for alias in node.names)
    return frozenset(found)
