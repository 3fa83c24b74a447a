"""Runs a notebook's cells in real kernels: in one, or over two as a placement says."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.notebook import Notebook

from .outcomes import Outcome, difference, outcome
from .placements import Placement
from .texts import Cell

CELL_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that showed something else than in one kernel, or was refused (`refused`)."""

    cell: Cell
    place: str
    text: str
    refused: bool = False

    def __str__(self) -> str:
        return f"cell {self.cell.number} ({self.place}) {self.cell.title}\n{self.text}"


def plain(cells: list[Cell], home: Path, data: Path | None = None) -> list[Outcome]:
    """Run all cells in one kernel that has never heard of us; what else must match this."""
    with _opened(home, "pass", data) as notebook:
        return [outcome(notebook.run(cell.text, timeout=CELL_SECONDS)) for cell in cells]


def placed(
    cells: list[Cell],
    where: Placement,
    expected: list[Outcome],
    home: Path,
    data: Path | None = None,
    *,
    first_only: bool = False,
) -> list[Difference]:
    """Run the cells where `where` says; return what was not as expected.

    A refused cell is noted and run on the other side, as its user would; with
    `first_only` the run ends at the first difference.
    """
    found: list[Difference] = []
    with _opened(home, "%load_ext jupyter_remote_gpu", data) as notebook:
        for cell, wanted in zip(cells, expected, strict=True):
            remote = cell.number in where.remote
            got = _run(notebook, cell, remote)
            if got.refusal:
                found.append(Difference(cell, _place(remote), got.refusal, refused=True))
                if cell.can_be_remote:
                    remote = not remote
                    got = _run(notebook, cell, remote)
            text = got.refusal or difference(wanted, got)
            if text:
                found.append(Difference(cell, _place(remote), text))
            if found and first_only:
                break
    return found


def _run(notebook: Notebook, cell: Cell, remote: bool) -> Outcome:
    run = notebook.remote if remote else notebook.run
    return outcome(run(cell.text, timeout=CELL_SECONDS))


def _place(remote: bool) -> str:
    return "there" if remote else "here"


@contextmanager
def _opened(home: Path, first: str, data: Path | None) -> Iterator[Notebook]:
    """Open a notebook in a folder of its own, which holds a copy of `data`.

    Strings hash alike in all kernels, so that sets of them have one order.
    """
    folder = Path(tempfile.mkdtemp(prefix="notebook-"))
    if data is not None:
        shutil.copytree(data, folder, dirs_exist_ok=True)
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        notebook = Notebook(home, folder, first=first)
        try:
            yield notebook
        finally:
            notebook.close()
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before
        shutil.rmtree(folder, ignore_errors=True)
