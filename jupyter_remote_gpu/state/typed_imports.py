"""What the cells of a notebook import, and under which names.

A class or function of a library may go by the import that the user typed for
it: both sides know that text, so neither has to take the other's word.
"""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from types import BuiltinFunctionType, FunctionType
from typing import TypeAlias

from .cells import Cells

TypedImport: TypeAlias = tuple[str, str]
"""A module, and the attribute of it that is imported, "" for the module itself."""


def typed_imports(name: str, cells: Cells) -> list[TypedImport]:
    """Return what cells import under `name`, those of the newest text first; quick."""
    return [found for source in cells.sources() for found in _imports(source).get(name, ())]


def import_of(name: str, value: object, cells: Cells) -> TypedImport | None:
    """Return the import typed for `name` of which a class or function is what it brings.

    Called on the side that has the value. Imports nothing; None for any other value.
    """
    if not isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        return None
    for module, attribute in typed_imports(name, cells):
        if attribute and getattr(sys.modules.get(module), attribute, None) is value:
            return module, attribute
    return None


@lru_cache(maxsize=256)
def _imports(source: str) -> dict[str, tuple[TypedImport, ...]]:
    """Return what a text imports, by the name it gets."""
    found: dict[str, tuple[TypedImport, ...]] = {}
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.split(".")[0]
                name = alias.asname or root
                module = alias.name if alias.asname else root
                found[name] = (*found.get(name, ()), (module, ""))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = alias.asname or alias.name
                found[name] = (*found.get(name, ()), (node.module, alias.name))
    return found
