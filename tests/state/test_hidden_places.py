"""Values that are also kept in hidden places are told from others that are alike."""

from __future__ import annotations

import importlib.util

import pytest

from jupyter_remote_gpu.state.clusters import Belongings
from tests.state.differential import Plan
from tests.state.hidden_places import check
from tests.state.hosts import SameProcess

NUMPY = importlib.util.find_spec("numpy") is not None
PLAN = Plan(cells=16, numpy=NUMPY)


@pytest.mark.parametrize("start", range(0, 75, 25))
def test_notebooks_with_hidden_places_show_what_one_process_shows(start: int) -> None:
    hosts = (SameProcess(),)
    differences = [check(seed, hosts, PLAN) for seed in range(start, start + 25)]
    assert [str(d) for d in differences if d is not None] == []


def test_without_what_is_remembered_of_objects_notebooks_differ() -> None:
    """Or the test above proves nothing."""
    hosts = (SameProcess(),)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Belongings, "remember", lambda *_: None)
        found = [check(seed, hosts, PLAN) for seed in range(150)]
    assert any(d is not None for d in found)
