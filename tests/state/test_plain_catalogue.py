"""The catalogue of pitfalls on a machine that is not trusted: the same output, or it is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent
from tests.state.test_catalogue import CASES, played

STAYS_AS_IT_IS = {"99 environment": r"os\.environ \(MY_MODE"}
"""Cases whose state an untrusted machine may not set here, and what is said of it."""


@pytest.fixture(scope="module")
def machine() -> Iterator[OtherProcess]:
    """Another process, restarted for each notebook."""
    host = OtherProcess()
    yield host
    host.close()


@pytest.mark.parametrize("case", CASES)
def test_case(machine: OtherProcess, case: str) -> None:
    machine.restart()
    notebook = Coherent(machine, trusted=False)
    cells, expected = CASES[case]
    if case in STAYS_AS_IT_IS:
        with pytest.warns(RuntimeWarning, match=STAYS_AS_IT_IS[case]):
            assert played(notebook, cells) != expected
        return
    assert played(notebook, cells) == expected


def test_exceptions_are_of_cases_there_are() -> None:
    assert STAYS_AS_IT_IS.keys() <= CASES.keys()
