"""No number of the list of pitfalls is missing, and each test it names is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.state.catalogue import OPEN, TESTS

COUNT = 107
ROOT = Path(__file__).parents[1]


def test_no_number_is_missing() -> None:
    assert sorted([*TESTS, *OPEN]) == list(range(1, COUNT + 1))


@pytest.mark.parametrize("number", TESTS)
def test_the_test_is_there(number: int) -> None:
    name, words = TESTS[number]
    path = ROOT / name
    assert path.exists()
    assert not words or words in path.read_text()
