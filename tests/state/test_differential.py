"""A seeded slice of the differential test, whose long form is `tests.state.differential`."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.state.differential import Difference, Plan, check
from tests.state.hosts import OtherProcess, SameProcess

NUMPY = importlib.util.find_spec("numpy") is not None
TORCH = NUMPY and importlib.util.find_spec("torch") is not None
PANDAS = NUMPY and importlib.util.find_spec("pandas") is not None
HOSTS: dict[str, Any] = {
    "same process": lambda: (SameProcess(),),
    "other process": lambda: (OtherProcess(),),
    "IPython": lambda: (OtherProcess(ipython=True),),
    "two machines": lambda: (OtherProcess(), SameProcess()),
}


@pytest.fixture(scope="module", params=list(HOSTS))
def hosts(request: pytest.FixtureRequest) -> Iterator[tuple[Any, ...]]:
    """The machines, hosted in each of the ways there are."""
    found = HOSTS[request.param]()
    yield found
    for host in found:
        host.close()


LONG = [pytest.param(start, marks=pytest.mark.long) for start in range(100, 200, 25)]


@pytest.mark.parametrize("start", [*range(0, 100, 25), *LONG])
def test_random_notebooks_show_what_one_process_shows(hosts: tuple[Any, ...], start: int) -> None:
    differences = [check(seed, hosts, Plan(numpy=NUMPY)) for seed in range(start, start + 25)]
    assert [str(d) for d in differences if d is not None] == []


@pytest.mark.torch
@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed")
@pytest.mark.parametrize("start", range(0, 60, 20))
@pytest.mark.parametrize("machines", [1, 2])
def test_random_notebooks_with_tensors_and_frames(start: int, machines: int) -> None:
    hosts = tuple(SameProcess() for _ in range(machines))
    plan = Plan(numpy=True, torch=True, pandas=PANDAS)
    differences = [check(seed, hosts, plan) for seed in range(start, start + 20)]
    assert [str(d) for d in differences if d is not None] == []


@pytest.mark.parametrize("start", range(5000, 5060, 20))
def test_untrusted_machines_differ_only_by_refusals(start: int) -> None:
    """Plain data shows what one process shows, or a cell is refused by name; few are."""
    refused: Counter[str] = Counter()
    plan = Plan(numpy=NUMPY, trusted=False)
    hosts = (SameProcess(),)
    differences = [check(seed, hosts, plan, refused) for seed in range(start, start + 20)]
    assert [str(d) for d in differences if d is not None] == []
    assert refused.total() <= 4, refused


def test_the_harness_sees_a_difference() -> None:
    """Without components the same notebooks must differ, or the test above proves nothing."""
    hosts = (SameProcess(),)
    found: list[Difference | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jupyter_remote_gpu.state.components.Walk._join", lambda *_: None)
        found = [check(seed, hosts, Plan(numpy=NUMPY)) for seed in range(60)]
    assert sum(d is not None for d in found) >= 5
