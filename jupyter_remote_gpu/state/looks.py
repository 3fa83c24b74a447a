"""Names that a cell surely does no more than look at: `len(big)`, `type(big)`, `big is None`.

Such a cell neither changes what they hold nor uses anything of it. Only large
containers are asked about: for all others it costs less to find out what changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from .analysis import Footprint

LARGE_LENGTH = 1_000
_CONTAINERS = (list, dict, set, tuple, frozenset)
_LOOKING = frozenset({"len", "type", "id"})
_WORD = re.compile(r"[^\W\d]\w*")


def only_looked_at(
    tree: ast.Module, text: Footprint, namespace: Mapping[str, Any]
) -> frozenset[str]:
    """Return the names of large built-in containers of which the cell uses nothing.

    What functions that it calls do with them is not seen here.
    """
    large = frozenset(name for name in text.reads if _is_large(namespace.get(name)))
    if not large:
        return large
    uses = _Uses(_LOOKING.difference(namespace))
    uses.visit(tree)
    return large - uses.used - text.binds - text.deletes


def _is_large(value: Any) -> bool:
    return type(value) in _CONTAINERS and len(value) > LARGE_LENGTH


class _Uses(ast.NodeVisitor):
    """Collects the names that are used for more than `looking` at them; words of texts count."""

    def __init__(self, looking: frozenset[str]) -> None:
        self.used: set[str] = set()
        self._looking = looking

    def visit_Name(self, node: ast.Name) -> None:
        """Any mention that is not passed over below."""
        self.used.add(node.id)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A text may be evaluated."""
        if isinstance(node.value, str):
            self.used.update(_WORD.findall(node.value))

    def visit_Call(self, node: ast.Call) -> None:
        """Pass over the argument of `len` and its like."""
        looks = isinstance(node.func, ast.Name) and node.func.id in self._looking
        if not looks or len(node.args) != 1 or node.keywords:
            self.generic_visit(node)
        elif not isinstance(node.args[0], ast.Name):
            self.visit(node.args[0])

    def visit_Compare(self, node: ast.Compare) -> None:
        """Pass over what is compared by identity only."""
        plain = all(isinstance(operator, (ast.Is, ast.IsNot)) for operator in node.ops)
        for operand in (node.left, *node.comparators):
            if not (plain and isinstance(operand, ast.Name)):
                self.visit(operand)
