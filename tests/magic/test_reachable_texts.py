"""The texts that a local cell can come by."""

from __future__ import annotations

import ast
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.magic.reachable_texts import reachable_texts

CELLS = """
import helper
from pathlib import Path
from functools import partial
BEST = "best.pt"
where = Path("outputs")
options = {"weights": "w.bin", "deep": [{"more": "deep.bin"}]}
class Config:
    kind = "config.bin"
    def __init__(self):
        self.path = "field.bin"
config = Config()
def load(name="default.pt"):
    return open(BEST), inner()
def inner():
    return helper.read()
def unused():
    return "unused.bin"
"""


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("open('a.pt')", {"a.pt"}),
        ("f'outputs/model_{3}.pt'", {"outputs/model_*.pt"}),
        ("'model_%03d.pt' % 3", {"model_*.pt"}),
        ("'{}.pt'.format(x)", {"*.pt"}),
        ("where / 'x.pt'", {"outputs", "x.pt"}),
        ("options", {"w.bin", "deep.bin"}),
        ("config", {"field.bin", "config.bin"}),
        ("load()", {"best.pt", "default.pt", "own.bin"}),
        ("helper.read()", {"own.bin"}),
        ("get_ipython().run_cell_magic('bash', '', 'cat a.bin')", {"cat a.bin"}),
    ],
)
def test_what_a_cell_names_is_found_wherever_it_was_said(
    names: dict[str, Any], cell: str, found: set[str]
) -> None:
    texts = reachable_texts(ast.parse(cell), names, lambda file: file.endswith("helper.py"))
    assert found <= texts
    assert "unused.bin" not in texts


def test_nothing_of_the_user_is_called(names: dict[str, Any]) -> None:
    @dataclass
    class Odd:
        """Fails when it is asked for anything."""

        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    Odd.__module__ = "__main__"
    names["odd"] = Odd()
    assert "z.bin" in reachable_texts(ast.parse("odd, 'z.bin'"), names, lambda file: False)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What a notebook has after some cells, with a module of its project."""
    module = types.ModuleType("helper")
    module.__file__ = str(tmp_path / "helper.py")
    exec("def read():\n    return open('own.bin')\ndef other():\n    return 1", vars(module))
    monkeypatch.setitem(sys.modules, "helper", module)
    found: dict[str, Any] = {"__name__": "__main__"}
    exec(CELLS, found)
    return found
