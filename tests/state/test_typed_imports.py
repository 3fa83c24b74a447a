"""Classes and functions of libraries that go by the import that was typed for their name."""

from __future__ import annotations

import collections
import math
import sys

from jupyter_remote_gpu.protocol.state import Cell
from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.typed_imports import import_of, typed_imports


def texts(*sources: str) -> Cells:
    """Return what knows these cells, run in this order."""
    cells = Cells()
    for number, source in enumerate(sources, 1):
        cells.add(Cell(number, f"cell{number}", "", source))
    return cells


def test_all_that_was_typed_under_a_name_the_newest_first() -> None:
    cells = texts(
        "from math import floor as f\nimport os.path", "if 1:\n    from math import ceil as f"
    )
    assert typed_imports("f", cells) == [("math", "ceil"), ("math", "floor")]
    assert typed_imports("os", cells) == [("os", "")]
    assert typed_imports("g", cells) == []


def test_only_what_the_import_brings_goes_by_it() -> None:
    cells = texts(
        "from math import floor as f, pi\nfrom collections import OrderedDict", "import math"
    )
    assert import_of("f", math.floor, cells) == ("math", "floor")
    assert import_of("OrderedDict", collections.OrderedDict, cells) == (
        "collections",
        "OrderedDict",
    )
    assert import_of("f", math.ceil, cells) is None
    assert import_of("pi", math.pi, cells) is None
    assert import_of("math", math, cells) is None
    assert import_of("OrderedDict", collections.OrderedDict(), cells) is None


def test_nothing_is_imported_to_find_out() -> None:
    cells = texts("from antigravity import geohash", "%not python", "from . import f")
    assert import_of("geohash", math.floor, cells) is None
    assert "antigravity" not in sys.modules
