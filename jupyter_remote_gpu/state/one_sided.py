"""Statements of a cell that change a library on one side only: no name reaches what they change."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Iterator, Mapping
from typing import Any

from .placeholders import Placeholder, description_of

_MAY_CHANGE = re.compile(r"\.\w+\s*(\[.*\]\s*)?[-+*/|&^%@<>]{0,2}=(?!=)|\bregister|_hook\b|\bdel\b")
_REGISTERS = re.compile(r"register(_\w+)?|(add|set)_\w*hook")
_TRAVELS = (
    "matplotlib.rcParams",
    "matplotlib.pyplot.rcParams",
    "numpy.random",
    "os.environ",
    "pandas.options",
    "random",
    "sys.path",
    "warnings.filters",
)
"""What is ambient state, and therefore the same on both sides (`state/ambient`)."""
_LONGEST_TEXT = 60
_BLOCKS = ("body", "orelse", "finalbody")


def one_sided(source: str, names: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the statements of a cell that write to a library or register with it.

    `source` is plain Python that ran; `names` what the notebook's names hold
    now, placeholders included. Most cells cost a search of their text, no
    more; what functions do when they are called is not looked at.
    """
    if _MAY_CHANGE.search(source) is None:
        return ()
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return ()
    found = (_text(statement) for statement in _statements(body) if _changes(statement, names))
    return tuple(dict.fromkeys(found))


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run with the cell, those inside blocks too."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for block in _BLOCKS:
            yield from _statements(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            yield from _statements(handler.body)


def _changes(statement: ast.stmt, names: Mapping[str, Any]) -> bool:
    if isinstance(statement, ast.Assign):
        return any(_written(target, names) for target in statement.targets)
    if isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        return _written(statement.target, names)
    if isinstance(statement, ast.Delete):
        return any(_written(target, names) for target in statement.targets)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return _registers(statement.value.func, names)
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        calls = (d.func if isinstance(d, ast.Call) else d for d in statement.decorator_list)
        return any(_registers(call, names) for call in calls)
    return False


def _written(target: ast.expr, names: Mapping[str, Any]) -> bool:
    """Say whether a target is an attribute of a library, or an entry of one."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return any(_written(element, names) for element in target.elts)
    while isinstance(target, ast.Subscript):
        target = target.value
    if not isinstance(target, ast.Attribute):
        return False
    path = _path(target, names)
    return path is not None and not any(f"{path}.".startswith(f"{known}.") for known in _TRAVELS)


def _registers(function: ast.expr, names: Mapping[str, Any]) -> bool:
    """Say whether calling this puts something into a register that does not travel."""
    if not isinstance(function, ast.Attribute) or _REGISTERS.fullmatch(function.attr) is None:
        return False
    if _path(function, names) is not None:
        return True
    owner = function.value
    value = names.get(owner.id) if isinstance(owner, ast.Name) else None
    if isinstance(value, Placeholder):
        return description_of(value).type in ("class", "function")
    # a class registers with its ABC, a function with its dispatcher: both out of reach
    return isinstance(value, (type, types.FunctionType))


def _path(attribute: ast.Attribute, names: Mapping[str, Any]) -> str | None:
    """Return `numpy.foo` for `np.foo`; None if what it belongs to is no library's."""
    parts = []
    at: ast.expr = attribute
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    root = names.get(at.id) if isinstance(at, ast.Name) else None
    if isinstance(root, Placeholder):
        owner = description_of(root).module
    elif isinstance(root, types.ModuleType):
        owner = root.__name__
    elif isinstance(root, type) and root.__module__ not in ("__main__", "builtins"):
        owner = f"{root.__module__}.{root.__qualname__}"
    else:
        return None
    return ".".join([owner, *reversed(parts)]) if owner else None


def _text(statement: ast.stmt) -> str:
    """Return how a statement begins: `np.foo = 1`, `@describe.register`."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        text = f"@{ast.unparse(statement.decorator_list[0])}"
    else:
        text = ast.unparse(statement).splitlines()[0]
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
