"""The lasting partition: what it walks, what it leaves alone, and that it is right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_remote_gpu.state import clusters, partition
from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.components import Walk
from jupyter_remote_gpu.state.partition import Partition

NAMES = "abcdefgh"
STATEMENTS = [
    "$1 = [1]",
    "$1 = $2",
    "$1 = [$2, $3]",
    "$1 = {'k': $2}",
    "$1 = (1, $2)",
    "$1 = 7",
    "$1.append($2) if type($1) is list else None",
    "$1.clear() if type($1) is list else None",
    "$1 = $2[0] if type($2) is list and $2 else [0]",
    "$1 = P($2)",
    "$1 = lambda: $2",
    "$1 = (lambda inner: lambda: inner)($2)",
    "$1 = functools.partial(list, $2)",
    "$1 = numpy.arange(4.)",
    "$1 = $2[1:] if type($2) is numpy.ndarray else [2]",
    "del $1",
]
PRELUDE = """
import functools, numpy
class P:
    def __init__(self, x):
        self.x = x
"""


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that were walked, in order."""
    found: list[str] = []

    class Watched(Walk):
        def add(self, name: str, value: Any, *limit: int) -> None:
            found.append(name)
            super().add(name, value, *limit)

    monkeypatch.setattr(partition, "Walk", Watched)
    yield found


def lasting(**names: Any) -> tuple[dict[str, Any], Partition]:
    """Return a namespace and its partition, which knows all of it."""
    found = Partition(names, Cells())
    found.sync()
    found.refresh(names)
    return names, found


def test_untouched_names_are_not_walked_again(walked: list[str]) -> None:
    """Only what a cell had in reach is looked at again."""
    _, names = lasting(a=[1], b=[2], c=[3])
    assert sorted(walked) == ["a", "b", "c"]
    walked.clear()
    names.touch(["a"])
    assert names.refresh(["a", "b", "c"])
    assert walked == ["a"]
    assert not names.refresh(["a", "b", "c"])


def test_names_in_reach_of_one_cell_may_have_been_linked() -> None:
    """Both are walked, and found to be one component."""
    namespace, names = lasting(a=[1], b=[2], c=[3])
    namespace["a"].append(namespace["b"])
    names.touch(["a", "b"])
    names.refresh(["b"])
    assert names.component("b") == ("a", "b")
    namespace["a"].clear()
    names.touch(["a"])
    names.refresh(["b"])
    assert names.component("b") == ("b",)


def test_a_value_from_a_hidden_place_meets_its_names(walked: list[str]) -> None:
    """The new name was given part of a value that no cell mentioned."""
    inner = [1]
    namespace, names = lasting(a=[inner], b=[2])
    namespace["c"] = inner
    names.sync()
    walked.clear()
    names.refresh(["c"])
    assert names.component("c") == ("a", "c")
    assert sorted(walked) == ["a", "c"]


def test_memory_from_a_hidden_place_meets_its_names() -> None:
    """Arrays join by what they cover, also when nobody names the owner."""
    numpy = pytest.importorskip("numpy")
    namespace, names = lasting(a=numpy.zeros(100), b=numpy.zeros(100))
    namespace["c"] = namespace["a"][50:60]
    names.sync()
    names.refresh(["c"])
    assert names.component("a") == ("a", "c")
    assert names.component("b") == ("b",)


def test_what_a_hidden_place_was_given_is_found_before_it_is_needed() -> None:
    """A touched name is walked although another one is asked for."""
    namespace, names = lasting(a=[1], b=[2])
    new: list[int] = []
    namespace["a"].append(new)
    names.touch(["a"])
    namespace["c"] = new  # as a library that kept it might hand it out
    names.sync()
    names.refresh(["c"])
    assert names.component("c") == ("a", "c")


def test_a_rebound_function_is_part_of_who_holds_it() -> None:
    """As long as a name stands for it, others refer to it by that name."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def f():\n    return lst\nlst = []\na = [f]", namespace)
    names = Partition(namespace, Cells())
    names.sync()
    names.refresh(["a"])
    assert names.facts("a").needs == {"f"}
    del namespace["f"]
    names.sync()
    names.refresh(["a"])
    assert names.facts("a").needs == {"lst"}


def test_a_giant_is_not_walked_until_it_is_needed(
    walked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at up to a limit, then put off; what was in reach with it stays with it."""
    monkeypatch.setattr(partition, "ORDINARY_OBJECTS", 10)
    monkeypatch.setattr(clusters, "ORDINARY_OBJECTS", 10)
    small: list[Any] = []
    namespace, names = lasting(big=[[i] for i in range(100)], small=small, other=[1])
    names.touch(["big", "small"])
    walked.clear()
    names.refresh(["other"])
    assert names.component("other") == ("other",)
    names.touch(["other"])
    walked.clear()
    names.refresh(["other"])
    assert walked == ["other"]
    namespace["big"][50].append(small)
    names.refresh(["small"])
    assert names.component("small") == ("big", "small")


def test_a_giant_that_shares_with_a_needed_name_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hidden place gave the needed name an outer object of a giant that was put off."""
    monkeypatch.setattr(partition, "ORDINARY_OBJECTS", 10)
    monkeypatch.setattr(clusters, "ORDINARY_OBJECTS", 10)
    namespace, names = lasting(big=[[i] for i in range(100)], b=[])
    names.touch(["big"])
    names.refresh(["b"])  # puts it off
    namespace["c"] = namespace["big"]
    names.sync()
    names.refresh(["c"])
    assert names.component("big") == ("big", "c")


def test_deleted_and_simple_names_drop_out() -> None:
    """What was linked by them alone is separate again."""
    namespace, names = lasting(a=[1], b=[2], both=None)
    namespace["both"] = [namespace["a"], namespace["b"]]
    names.sync()
    names.refresh(["a"])
    assert names.component("a") == ("a", "b", "both")
    namespace["both"] = 3
    names.sync()
    names.refresh(["a"])
    assert names.component("a") == ("a",)
    assert names.component("both") == ("both",)


@pytest.mark.parametrize("seed", range(40))
def test_it_says_what_a_walk_over_everything_says(seed: int) -> None:
    """Random cells, each touching what its text mentions and what that was linked to."""
    pytest.importorskip("numpy")
    dice = random.Random(seed)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(PRELUDE + "; ".join(f"{n} = [0]" for n in NAMES), namespace)
    kept = Partition(namespace, Cells())
    for _ in range(60):
        kept.sync()
        one, two, three = dice.choices(NAMES, k=3)
        text = dice.choice(STATEMENTS).replace("$1", one).replace("$2", two).replace("$3", three)
        mentioned = {n for n in (one, two, three) if n in text.replace("P", " ")}
        try:
            exec(text, namespace)
        except (NameError, IndexError, KeyError):
            continue
        finally:
            kept.touch(_closure(kept, mentioned))
        if dice.random() < 0.5:
            continue
        kept.sync()
        asked = dice.sample(NAMES, 3)
        kept.refresh(asked)
        fresh = Partition(namespace, Cells())
        fresh.sync()
        fresh.refresh(namespace)
        for name in asked:
            assert kept.component(name) == fresh.component(name), text
            assert _about(kept, name) == _about(fresh, name), text


def _closure(names: Partition, mentioned: set[str]) -> set[str]:
    """Return what code mentioning these names may have had in reach."""
    todo, seen = list(mentioned), set[str]()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            names.refresh([name])
            todo += [*names.facts(name).needs, *names.component(name)]
    return seen


def _about(names: Partition, name: str) -> tuple[Any, ...]:
    together = [names.facts(n) for n in names.component(name)]
    needs = frozenset[str]().union(*(f.needs for f in together))
    return needs, any(f.mutable for f in together), sum(f.size for f in together)
