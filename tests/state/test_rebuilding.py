"""What rebuilding a value leans on: class methods of libraries, and where modules are found."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Coherent]:
    """A notebook in a folder of its own; this process is put back as it was."""
    folder, paths, variables = os.getcwd(), list(sys.path), dict(os.environ)
    host = OtherProcess()
    yield Coherent(host)
    host.close()
    os.chdir(folder)
    sys.path[:] = paths
    os.environ.clear()
    os.environ.update(variables)


@pytest.mark.parametrize("there", [False, True])
def test_class_methods_travel_by_name(notebook: Coherent, there: bool) -> None:
    make = "import fractions\nof = [fractions.Fraction.from_float, dict.fromkeys]"
    notebook.cell(make, remote=there)
    look = "print(of[0](0.5), of[1]('a'), of[0] == fractions.Fraction.from_float)"
    assert notebook.cell(look, remote=not there) == ("1/2 {'a': None} True\n", "")
    assert notebook.cell(look, remote=there) == ("1/2 {'a': None} True\n", "")


def test_a_module_is_found_where_the_notebook_finds_it(notebook: Coherent, tmp_path: Path) -> None:
    (tmp_path / "told_module.py").write_text(
        "import os\nTOLD = os.environ['TOLD_MODULE']\nclass Thing:\n    size = 3\n"
    )
    notebook.here(
        f"import os, sys\nos.environ['TOLD_MODULE'] = 'yes'\nsys.path.append({str(tmp_path)!r})\n"
        "import told_module\nthing = told_module.Thing()"
    )
    assert notebook.there("print(thing.size, told_module.TOLD)") == ("3 yes\n", "")
