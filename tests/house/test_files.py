"""Every file is short, is named for what it holds, and says so at its head."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.sources import Source

HARD_FILE_LINES = 500
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc"}


def test_no_file_is_too_long(everything: list[Source]) -> None:
    lengths = {source.name: source.text.count("\n") for source in everything}
    assert {name: n for name, n in lengths.items() if n > HARD_FILE_LINES} == {}


def test_no_file_has_a_vague_name(everything: list[Source]) -> None:
    assert [source.name for source in everything if source.path.stem.strip("_") in VAGUE] == []


def test_every_file_says_what_lives_in_it(everything: list[Source]) -> None:
    short = [source.name for source in everything if len(ast.get_docstring(source.tree) or "") < 15]
    assert short == []


def test_every_file_postpones_its_annotations(everything: list[Source]) -> None:
    line = "from __future__ import annotations"
    late = [source for source in everything if line not in source.text]
    assert [source.name for source in late if len(source.tree.body) > 1] == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b", id="left for later"),
        pytest.param(r"raise NotImplemented" r"Error", id="stub"),
        pytest.param(r"except[^\n]*:\n\s*pass\b(?!\s*#)", id="swallowed without a reason"),
        pytest.param(r"except\s*:", id="bare except"),
    ],
)
def test_nothing_is_left_open(pattern: str, package: list[Source]) -> None:
    hits = [
        f"{source.name}:{source.text.count(chr(10), 0, found.start()) + 1}"
        for source in package
        for found in re.finditer(pattern, source.text)
    ]
    assert hits == []
