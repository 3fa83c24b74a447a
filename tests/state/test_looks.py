"""Cells that only look at a large container."""

from __future__ import annotations

import ast

import pytest

from jupyter_remote_gpu.state.analysis import footprint
from jupyter_remote_gpu.state.looks import only_looked_at
from tests.state.hosts import SameProcess
from tests.state.notebook import Coherent

BIG = [[i] for i in range(2_000)]


def looked_at(source: str, **names: object) -> set[str]:
    tree = ast.parse(source)
    return set(only_looked_at(tree, footprint(tree), {"big": BIG, "small": [1], **names}))


@pytest.mark.parametrize(
    "source",
    [
        "len(big)",
        "n = len(big) + 1",
        "print(len(big), type(big), id(big))",
        "big is None",
        "if big is not None:\n    n = len(big)",
        "def f():\n    return len(big)\nf()",
    ],
)
def test_it_is_only_looked_at(source: str) -> None:
    assert looked_at(source) == {"big"}


@pytest.mark.parametrize(
    "source",
    [
        "big[0]",
        "len(big[0])",
        "len(big); big.append(1)",
        "x = big",
        "f(big)",
        "len(big, big)",
        "type('T', (), {'x': big})",
        "len(*big)",
        "big == None",
        "big is None is f(big)",
        "[big]",
        "len(big); eval('big.pop()')",
        "del big; len(big)",
        "big = len(big)",
        "for big in [1]: len(big)",
        "print(f'{big}')",
        "len(small)",
    ],
)
def test_it_is_used(source: str) -> None:
    assert looked_at(source) == set()


def test_a_len_of_the_users_own_may_do_anything() -> None:
    assert looked_at("len(big)", len=lambda x: x.clear()) == set()


def test_what_was_only_looked_at_does_not_move_again() -> None:
    host = SameProcess()
    notebook = Coherent(host)
    notebook.here("big = [[i] for i in range(5_000)]")
    assert notebook.there("print(len(big))") == ("5000\n", "")
    moved = host.bytes
    assert notebook.here("print(len(big))") == ("5000\n", "")
    assert notebook.home.places["big"].value == "both"
    assert notebook.there("print(len(big))") == ("5000\n", "")
    assert host.bytes == moved


def test_a_function_that_changes_it_is_seen_beside_a_look() -> None:
    notebook = Coherent(SameProcess())
    notebook.here("big = [[i] for i in range(5_000)]\ndef drop():\n    big.pop()")
    notebook.there("print(len(big))")
    assert notebook.here("drop()\nprint(len(big))") == ("4999\n", "")
    assert notebook.there("print(len(big))") == ("4999\n", "")
    assert notebook.there("drop()\nprint(len(big))") == ("4998\n", "")
    assert notebook.here("print(len(big))") == ("4998\n", "")
