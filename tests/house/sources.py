"""The project's own Python files, read and parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "jupyter_remote_gpu"

NOTEBOOK = "# %%"
"""How a notebook in the percent format begins."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its text and its syntax tree; `name` is its path from the root."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the project's root, with slashes."""
        return self.path.relative_to(ROOT).as_posix()

    def definitions(self) -> Iterator[tuple[str, Definition]]:
        """Yield every function and class with its dotted name, also those inside others."""
        yield from _definitions(self.tree, "")


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _definitions(child, f"{name}.")
        else:
            yield from _definitions(child, prefix)


def sources_below(*folders: str) -> list[Source]:
    """Return every Python file in these folders of the project; notebooks kept as text are none."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    texts = [(path, path.read_text(encoding="utf-8")) for path in paths]
    return [
        Source(path, text, ast.parse(text, str(path)))
        for path, text in texts
        if not text.startswith(NOTEBOOK)
    ]


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long a function is, without its decorators and its docstring."""
    assert node.end_lineno is not None
    first = node.body[0]
    documented = ast.get_docstring(node, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return node.end_lineno - node.lineno + 1 - docstring
