"""What the commands say of a notebook's cells: their number, name, place and outputs.

A cell bears tags in its metadata: `samples` (its text is what the trained model
wrote), `generated` (its text may differ from machine to machine) and
`loss-curve` (its picture is the loss curve).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from nbformat import NotebookNode

PNG = "image/png"


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell as it is spoken of to people; `number` counts code cells from 1."""

    number: int
    of: int
    title: str
    place: str
    tags: frozenset[str]

    def __str__(self) -> str:
        return f"[{self.number}/{self.of}] {self.place:<6} {self.title}"


def code_cells(notebook: NotebookNode) -> list[tuple[Cell, NotebookNode]]:
    """Return the notebook's code cells that have text, in order, each with its description.

    The order and numbers are those of a run from top to bottom: an empty cell is not executed.
    """
    nodes = [node for node in notebook.cells if node.cell_type == "code" and node.source.strip()]
    return [(_described(node, i, len(nodes)), node) for i, node in enumerate(nodes, start=1)]


def streamed_text(node: NotebookNode, name: str = "stdout") -> str:
    """Return all that the cell wrote to the stream `name`."""
    return "".join(o.text for o in node.outputs if o.output_type == "stream" and o.name == name)


def pictures(node: NotebookNode) -> list[bytes]:
    """Return the bytes of the cell's PNG pictures, in the order shown."""
    return [base64.b64decode(o.data[PNG]) for o in node.outputs if PNG in o.get("data", {})]


def _described(node: NotebookNode, number: int, of: int) -> Cell:
    lines = [line.strip() for line in node.source.splitlines() if line.strip()]
    first = lines[0].split()[0]
    place = "remote" if first == "%%remote_gpu" else "both" if first == "%%both" else "local"
    title = next((line.lstrip("# ") for line in lines if line.startswith("#")), lines[0])
    return Cell(number, of, title, place, frozenset(node.metadata.get("tags", [])))
