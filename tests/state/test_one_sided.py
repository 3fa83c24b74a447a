"""What a cell changes on one side only is seen in its text."""

from __future__ import annotations

import ast
import atexit
import functools
import os
import random
import sys
import textwrap
import warnings
from typing import Any

import pytest

from jupyter_remote_gpu.protocol.state import Description
from jupyter_remote_gpu.state.one_sided import one_sided
from jupyter_remote_gpu.state.placeholders import Placeholder


class Thing:
    """A value of the notebook's own."""

    def register_buffer(self, name: str) -> None:
        """Change the thing itself, which travels."""


@functools.singledispatch
def describe(value: object) -> str:
    """Dispatch."""
    return str(value)


NAMES: dict[str, Any] = {
    "textwrap": textwrap,
    "os": os,
    "sys": sys,
    "random": random,
    "warnings": warnings,
    "atexit": atexit,
    "Wrapper": textwrap.TextWrapper,
    "thing": Thing(),
    "Thing": type("Thing", (), {"__module__": "__main__"}),
    "describe": describe,
    "there": Placeholder("there", Description("module", "numpy", module="numpy"), "gpu1"),
    "function_there": Placeholder("function_there", Description("function", "f"), "gpu1"),
    "data": {},
}


PAIR = ast.parse("data['x'], textwrap.a = 1, 2")
"""Python 3.10 writes it with more brackets."""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("textwrap.fill = len", ("textwrap.fill = len",)),
        ("if data:\n    data['x'], textwrap.a = 1, 2", (ast.unparse(PAIR),)),
        ("try:\n    textwrap.x += 1\nexcept ValueError:\n    del textwrap.y", None),
        ("textwrap.REGISTER['x'] = 1", ("textwrap.REGISTER['x'] = 1",)),
        ("Wrapper.fill = len", ("Wrapper.fill = len",)),
        ("there.foo = 1", ("there.foo = 1",)),
        ("atexit.register(print)", ("atexit.register(print)",)),
        ("describe.register(int, str)", ("describe.register(int, str)",)),
        ("@describe.register\ndef _(value: int): pass", ("@describe.register",)),
        ("@describe.register(int)\ndef _(value): pass", ("@describe.register(int)",)),
        ("function_there.register(int, str)", ("function_there.register(int, str)",)),
        ("Thing.register(int)", ("Thing.register(int)",)),
        ("textwrap.x = 1\ntextwrap.x = 1", ("textwrap.x = 1",)),
        ("os.environ['A'] = 'b'", ()),
        ("sys.path[:] = []", ()),
        ("warnings.filters[:] = []", ()),
        ("thing.colour = 1", ()),
        ("thing.register_buffer('x')", ()),
        ("Thing.count = 1", ()),
        ("data['x'] = 1; x = data.get('x') == 1", ()),
        ("def later():\n    textwrap.fill = len", ()),
        ("print(textwrap.fill == len)", ()),
        ("unknown.x = 1", ()),
        ("this is no Python: x.y = 1", ()),
    ],
)
def test_statements(source: str, told: tuple[str, ...] | None) -> None:
    expected = ("textwrap.x += 1", "del textwrap.y") if told is None else told
    assert one_sided(source, NAMES) == expected
