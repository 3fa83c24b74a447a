"""Notebooks in the style of courses show the same wherever their cells run.

A part with fixed seeds; `python -m tests.notebooks --seeds N` is the long form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_machine

from .placements import placement
from .running import placed, plain
from .texts import courses, read

LIBRARIES = ("matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state of one agent that serves all notebooks, so that it has a warm kernel to spare."""
    path = tmp_path_factory.mktemp("machine") / "state"
    yield path
    end_machine(path)


def marked(path: Path) -> object:
    """Return a notebook as a test's parameter."""
    marks = [pytest.mark.torch] if path.stem.startswith("torch") else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize("path", [marked(path) for path in courses()])
@pytest.mark.parametrize("cells_run", ["mixed", pytest.param("remote", marks=pytest.mark.long)])
def test_a_notebook_shows_the_same_wherever_its_cells_run(
    path: Path, cells_run: str, home: Path
) -> None:
    used = [name for name in LIBRARIES if re.search(rf"import {name}\b|from {name}\b", _text(path))]
    lacking = [name for name in used if find_spec(name) is None]
    if lacking:
        pytest.skip(f"needs {', '.join(lacking)}")
    cells = read(path)
    expected = plain(cells, home)
    name = "remote" if cells_run == "remote" else path.stem  # the seed of a mixed placement
    found = placed(cells, placement(name, cells), expected, home)
    assert not found, "\n\n".join(str(difference) for difference in found)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
