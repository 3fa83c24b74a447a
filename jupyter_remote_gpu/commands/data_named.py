"""The data that a script's text names, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

OURS = "jupyter_remote_gpu"
DATASET = "dataset"


def data_named(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses that texts of Python give to our `dataset`, each once, in order.

    Only those that stand there as plain texts, in a file that imports `dataset` from
    this package: `from jupyter_remote_gpu import dataset`, or the package itself. A text
    that cannot be parsed names nothing.
    """
    return tuple(dict.fromkeys(found for source in sources for found in _named(source)))


def _named(source: str) -> Iterator[str]:
    if OURS not in source or DATASET not in source:
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return  # its run will say so
    names = set(_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in names:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value.strip()


def _names(tree: ast.AST) -> Iterator[str]:
    """Yield how a text calls our function, as its imports say: `dataset`, `rg.dataset`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == OURS and not node.level:
            yield from (one.asname or one.name for one in node.names if one.name == DATASET)
        elif isinstance(node, ast.Import):
            for one in node.names:
                if one.name == OURS:
                    yield f"{one.asname or OURS}.{DATASET}"
