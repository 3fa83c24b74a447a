"""The notebooks, run in a fresh kernel, show what is stored in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from examples.execute import check
from examples.running.cells import code_cells
from examples.running.notebook import read
from examples.running.run import EXAMPLES

LIMIT_BYTES = 400_000
NOTEBOOKS = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds what the notebooks read, and nothing of an earlier run."""
    (tmp_path / "data").mkdir()
    shutil.copy(EXAMPLES / "data" / "alice.txt", tmp_path / "data")
    return tmp_path


def test_the_notebooks_are_found() -> None:
    assert NOTEBOOKS == ["digits", "kaggle", "project_files", "quickstart", "ssh_machine"]


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "quickstart"])
def test_a_run_shows_what_is_stored(name: str, folder: Path) -> None:
    found = check(EXAMPLES / f"{name}.ipynb", folder)

    assert not found, "\n\n".join(str(difference) for difference in found)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_stored_notebook_is_small_and_whole(name: str) -> None:
    path = EXAMPLES / f"{name}.ipynb"
    cells = code_cells(read(path))

    assert path.stat().st_size < LIMIT_BYTES
    assert [node.execution_count for _, node in cells] == list(range(1, len(cells) + 1))
    assert any(cell.place == "remote" for cell, _ in cells)
