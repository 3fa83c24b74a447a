"""What `docs/classes.md` says of classes whose libraries the suite has is what is measured here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .measuring import NOT_MEASURED, measure, open_host
from .samples import Sample, samples
from .table import TABLE, known

LIBRARIES = ("python", "numpy", "pandas", "matplotlib", "scikit-learn", "torch")


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    found = open_host()
    yield found
    found.close()


def chosen(library: str) -> list[Sample]:
    return [sample for sample in samples() if sample.library == library]


def test_every_sample_has_its_line() -> None:
    lines = known(TABLE.read_text(encoding="utf-8"))
    assert {(s.library, s.name) for s in samples()} == set(lines)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_as_its_lines_say(library: str, host: Any) -> None:
    lines = known(TABLE.read_text(encoding="utf-8"))
    measured = {(s.library, s.name): measure(s, host).outcome for s in chosen(library)}
    differing = {
        name: (outcome, lines[name])
        for name, outcome in measured.items()
        if outcome not in (lines[name], NOT_MEASURED)
    }
    assert measured
    assert differing == {}
