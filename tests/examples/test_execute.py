"""The command that refreshes stored outputs, and checks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from examples import execute
from examples.running.notebook import read, write


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook among the examples that was never run."""
    cell = new_code_cell("print('loss', 1.71)")  # type: ignore[no-untyped-call]
    made: NotebookNode = new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    path = tmp_path / "tiny.ipynb"
    write(made, path)
    monkeypatch.setattr(execute, "EXAMPLES", tmp_path)
    return path


def test_outputs_are_stored_and_then_checked(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute.main(["tiny"]) == 0
    assert read(stored).cells[0].outputs == [
        {"output_type": "stream", "name": "stdout", "text": "loss 1.71\n"}
    ]
    first = stored.read_bytes()
    assert execute.main(["tiny"]) == 0
    assert stored.read_bytes() == first

    assert execute.main(["tiny.ipynb", "--check"]) == 0
    assert "tiny.ipynb: shows what is stored" in capsys.readouterr().out


def test_a_check_shows_what_differs_and_writes_nothing(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute.main(["tiny"])
    notebook = read(stored)
    notebook.cells[0].outputs[0].text = "loss 2.71\n"
    write(notebook, stored)
    before = stored.read_bytes()

    assert execute.main(["tiny", "--check"]) == 1
    said = capsys.readouterr()
    assert "stdout differs" in said.err
    assert "-loss 2.71\n+loss 1.71" in said.err
    assert "tiny.ipynb: differs" in said.out
    assert stored.read_bytes() == before


def test_a_notebook_that_fails_is_left_as_it_was(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = read(stored)
    notebook.cells[0].source = "raise ValueError('the reason')"
    write(notebook, stored)
    before = stored.read_bytes()

    assert execute.main(["tiny"]) == 1
    assert "tiny.ipynb is left as it was." in capsys.readouterr().err
    assert stored.read_bytes() == before


def test_a_wrong_name_is_answered_with_the_names_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert execute.main(["quickstrat"]) == 2
    assert capsys.readouterr().err == (
        "There is no example 'quickstrat'; there are: digits, kaggle, project_files,"
        " quickstart, ssh_machine.\n"
    )
