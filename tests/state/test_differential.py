"""A seeded slice of the differential test, whose long form is `tests.state.differential`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from tests.state.differential import Difference, Plan, check
from tests.state.hosts import OtherProcess, SameProcess

NUMPY = importlib.util.find_spec("numpy") is not None
TORCH = NUMPY and importlib.util.find_spec("torch") is not None
PANDAS = NUMPY and importlib.util.find_spec("pandas") is not None


@pytest.fixture(scope="module", params=["same process", "other process", "IPython"])
def host(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The other side, hosted in each of the ways there are."""
    found: Any = (
        SameProcess()
        if request.param == "same process"
        else OtherProcess(ipython=request.param == "IPython")
    )
    yield found
    found.close()


@pytest.mark.parametrize("start", range(0, 200, 25))
def test_random_notebooks_show_what_one_process_shows(host: Any, start: int) -> None:
    differences = [check(seed, host, Plan(numpy=NUMPY)) for seed in range(start, start + 25)]
    assert [str(d) for d in differences if d is not None] == []


@pytest.mark.torch
@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed")
@pytest.mark.parametrize("start", range(0, 60, 20))
def test_random_notebooks_with_tensors_and_frames(start: int) -> None:
    host = SameProcess()
    plan = Plan(numpy=True, torch=True, pandas=PANDAS)
    differences = [check(seed, host, plan) for seed in range(start, start + 20)]
    assert [str(d) for d in differences if d is not None] == []


def test_the_harness_sees_a_difference() -> None:
    """Without components the same notebooks must differ, or the test above proves nothing."""
    host = SameProcess()
    found: list[Difference | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jupyter_remote_gpu.state.components.Walk._join", lambda *_: None)
        found = [check(seed, host, Plan(numpy=NUMPY)) for seed in range(60)]
    assert sum(d is not None for d in found) >= 5
