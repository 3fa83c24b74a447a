"""The machinery of this suite: it reads notebooks, sees differences, and makes them small."""

from __future__ import annotations

import json
from pathlib import Path

from .outcomes import Outcome, difference
from .placements import Placement, placement
from .shrinking import shrink
from .texts import Cell, courses, read


def numbered(*texts: str) -> list[Cell]:
    """Return cells with these texts."""
    return [Cell(number, text) for number, text in enumerate(texts)]


def test_a_percent_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "# %% [markdown]\n# Title\n\n# %%\n# %matplotlib inline\nx = 1\n\n# %%\n# !ls\n"
    )
    assert [cell.text for cell in read(path)] == ["%matplotlib inline\nx = 1", "!ls"]


def test_an_ipynb_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["x = 1\n", "x"]},
        {"cell_type": "code", "source": ""},
    ]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    assert read(path) == numbered("x = 1\nx")


def test_every_course_has_cells_enough() -> None:
    counts = {path.stem: len(read(path)) for path in courses()}
    assert len(counts) >= 9
    assert {name: n for name, n in counts.items() if not 10 <= n <= 40} == {}


def test_cells_of_other_languages_stay_here() -> None:
    cells = numbered("x = 1", "%%bash\nls", "%%time\nx", "%load_ext autoreload")
    assert placement("remote", cells).remote == {0, 2}
    assert placement("local", cells).remote == frozenset()
    assert placement("7", cells) == placement("7", cells)


def test_every_kind_of_difference_is_seen() -> None:
    shown = Outcome((("stdout", "1\n"), ("execute_result text/plain", "2")))
    assert difference(shown, shown) == ""
    assert "another stdout" in difference(shown, Outcome((("stdout", "9\n"), shown.items[1])))
    assert "instead of" in difference(shown, Outcome(shown.items[:1]))
    assert "instead of" in difference(shown, Outcome(shown.items[::-1]))


def test_a_failing_notebook_is_made_small() -> None:
    cells = numbered("a", "b", "c", "d", "e")

    def fails(left: list[Cell], where: Placement) -> bool:
        return {"b", "d"} <= {cell.text for cell in left} and 3 in where.remote

    left, where = shrink(cells, Placement("x", frozenset({0, 1, 3, 4})), 3, fails)
    assert [cell.text for cell in left] == ["b", "d"]
    assert where.remote & {cell.number for cell in left} == {3}
