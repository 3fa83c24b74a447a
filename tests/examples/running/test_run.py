"""Running a notebook without a browser: what it shows live, and how it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from examples.running.cells import Cell, streamed_text
from examples.running.run import NotebookFailedError, run


class Recorder:
    """A follower that keeps what it was told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def cell_started(self, cell: Cell) -> None:
        """Keep the cell's name."""
        self.seen.append(f"start {cell}")

    def cell_wrote(self, cell: Cell, stream: str, text: str) -> None:
        """Keep the text."""
        self.seen.append(f"{stream} {text.strip()}")

    def cell_ended(self, cell: Cell, seconds: float) -> None:
        """Keep the cell's end."""
        self.seen.append(f"end {cell.number}")


def notebook(*sources: str) -> NotebookNode:
    """A notebook of code cells."""
    cells = [new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    made: NotebookNode = new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    return made


def test_a_run_is_followed_and_stored(tmp_path: Path) -> None:
    made, recorder = (
        notebook("# First\nprint('a')", "", "import os\nprint(os.getcwd())"),
        Recorder(),
    )

    run(made, folder=tmp_path, follower=recorder)

    assert recorder.seen == [
        "start [1/2] local  First",
        "stdout a",
        "end 1",
        "start [2/2] local  import os",
        f"stdout {tmp_path}",
        "end 2",
    ]
    assert streamed_text(made.cells[0]) == "a\n"


def test_the_kernel_is_this_python_with_the_settings_given(tmp_path: Path) -> None:
    made = notebook("import os, sys\nprint(sys.executable, os.environ['QUICKSTART_STEPS'])")

    run(made, folder=tmp_path, settings={"QUICKSTART_STEPS": "7"})

    assert streamed_text(made.cells[0]) == f"{sys.executable} 7\n"


def test_old_outputs_do_not_stay(tmp_path: Path) -> None:
    made = notebook("print('new')", "raise ValueError('the reason')", "print('never')")
    for cell in made.cells:
        cell.execution_count = 9

    with pytest.raises(NotebookFailedError) as caught:
        run(made, folder=tmp_path)

    assert str(caught.value).startswith("cell [2/3] local  raise ValueError('the reason') raised")
    assert "ValueError: the reason" in str(caught.value)
    assert [cell.execution_count for cell in caught.value.notebook.cells] == [1, 2, None]


def test_nothing_but_our_own_lines_reaches_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(notebook("print('a')"), folder=tmp_path)

    assert capfd.readouterr() == ("", "")


def test_a_kernel_that_dies_is_told(tmp_path: Path) -> None:
    made = notebook("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")

    with pytest.raises(NotebookFailedError, match=r"own Python ended .* cell \[1/1\]"):
        run(made, folder=tmp_path)
