"""Reading and writing notebook files; nbformat has no types, so its calls stand here alone."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode


def read(path: Path) -> NotebookNode:
    """Return the notebook stored at `path`."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Store `notebook` at `path`, with its outputs; raises if it is not a valid notebook."""
    nbformat.validate(notebook)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
