"""What a cell's own text names: of more a machine may not ask this computer for."""

from __future__ import annotations

import ast
import re

_LITERAL = re.compile(r"""('''|\"\"\"|'|")((?:\\.|(?!\1)[^\n])*)\1""")
"""A text as it is written in Python, on one line."""


def texts_in(cell: str) -> set[str]:
    """Return the plain texts that stand in a cell, each whole: a part of one names nothing."""
    tree = _tree(cell)
    if tree is None:
        return {found[2].strip() for found in _LITERAL.finditer(cell)}
    return {text for node in ast.walk(tree) if (text := _plain(node))}


def texts_given_to(function: str, cell: str) -> set[str]:
    """Return the plain texts that a cell gives to a function as its first argument."""
    tree = _tree(cell)
    if tree is None:
        given = re.compile(rf"\b{re.escape(function)}\(\s*{_LITERAL.pattern}")
        return {found[2].strip() for found in given.finditer(cell)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    named = [call for call in calls if ast.unparse(call.func) == function]
    return {text for call in named if (text := _plain(call.args[0]))}


def _tree(cell: str) -> ast.Module | None:
    """Return a cell parsed; None for one with magics, which are no Python."""
    try:
        return ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _plain(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip()
    return ""
