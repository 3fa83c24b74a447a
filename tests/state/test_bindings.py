"""Noticing rebinding at the speed of memory."""

from __future__ import annotations

import random
from typing import Any

import pytest

from jupyter_remote_gpu.state import bindings
from jupyter_remote_gpu.state.bindings import Bindings


@pytest.fixture(params=["copied", "asked"])
def looking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of telling objects."""
    if request.param == "asked":
        monkeypatch.setattr(bindings, "identities", bindings._asked)


def test_identities_are_what_id_says() -> None:
    """However they are found out."""
    values = [object(), "x", 1, None, []]
    assert bindings.identities(values) == bindings._asked(values)


def test_the_first_look_tells_all_names() -> None:
    """Nothing was known before."""
    assert Bindings({"a": 1, "b": 2}).look() == (["a", "b"], [])


@pytest.mark.usefixtures("looking")
def test_rebinding_adding_and_deleting_are_told() -> None:
    """Each once; then nothing."""
    names: dict[str, Any] = {f"v{i}": [i] for i in range(3000)}
    seen = Bindings(names)
    seen.look()
    kept = [names["v7"], names["v2999"]]
    names["v7"], names["v2999"], names["new"] = [], [], []
    assert seen.look() == (["v7", "v2999", "new"], [])
    del names["v8"]
    assert seen.look() == ([], ["v8"])
    assert seen.look() == ([], [])
    assert len(kept) == 2


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("seed", range(30))
def test_random_changes(seed: int) -> None:
    """As told by comparing two copies of the namespace."""
    dice = random.Random(seed)
    names: dict[str, Any] = {f"v{i}": [i] for i in range(dice.choice([0, 1, 5, 600]))}
    seen = Bindings(names)
    seen.look()
    for _ in range(30):
        before = dict(names)  # keeps the old objects alive, so that no id comes back
        for _ in range(dice.randint(0, 4)):
            name = dice.choice([*list(names), "x", "y", "z"])
            if name in names and dice.random() < 0.4:
                del names[name]
            else:
                names[name] = dice.choice([[], dice.choice(list(before.values()) or [0])])
        bound, deleted = seen.look()
        changed = {n for n, v in names.items() if n not in before or before[n] is not v}
        assert set(deleted) == before.keys() - names.keys()
        assert set(bound) == changed
