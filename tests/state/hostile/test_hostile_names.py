"""Names a machine may not speak of: nothing is bound, unbound or imported by its word."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol.state import (
    Answers,
    Ask,
    Description,
    Import,
    Item,
    Report,
    Same,
    Stays,
)
from jupyter_remote_gpu.state.placeholders import Placeholder
from tests.state.hostile.forge import Forge
from tests.state.hostile.liar import Lied, value
from tests.state.hosts import through_json

OTHERS = [
    "print",
    "len",
    "__builtins__",
    "__name__",
    "__dict__",
    "get_ipython",
    "In",
    "Out",
    "_oh",
    "_ih",
    "_i",
    "_dh",
    "exit",
    "quit",
    "open",
    "display",
    "class",
    "None",
    "a.b",
    "a b",
    "x; import os",
]
TOLD = Description("int", "1")


@pytest.mark.filterwarnings("ignore:gpu1 reported:RuntimeWarning")
@pytest.mark.parametrize("name", OTHERS)
def test_reports_do_not_touch_the_names_of_others(lied: Lied, name: str) -> None:
    before = dict(lied.names)
    for report in (
        Report(bound={name: TOLD}),
        Report(deleted=(name,)),
        Report(touched={name: TOLD}),
        Report(bound={"y": TOLD}, deps={"y": (name,)}, together=(("y", name),)),
        Report(stays={name: "\x1b[31m"}),
    ):
        lied.ran("y = 1", report)
    assert {n: v for n, v in lied.names.items() if n != "y"} == before


def test_values_here_change_only_if_the_cell_mentions_them(lied: Lied) -> None:
    lied.typed("mine = [1]\nother = [2]")
    with pytest.warns(RuntimeWarning, match="reported that the cell changed mine, other"):
        lied.ran("y = 1", Report(bound={"mine": TOLD, "y": TOLD}, deleted=("other",)))
    assert lied.names["mine"] == [1]
    assert lied.names["other"] == [2]
    assert type(lied.names["y"]) is Placeholder
    lied.ran("mine = 2\nexec('other = 3')", Report(bound={"mine": TOLD, "other": TOLD}))
    assert type(lied.names["mine"]) is Placeholder
    assert type(lied.names["other"]) is Placeholder


def test_what_was_refused_is_taken_away_there_too(lied: Lied) -> None:
    """Home keeps its value, so the machine's must not be used by a later cell there."""
    lied.typed("mine = [1]")
    with pytest.warns(RuntimeWarning):
        lied.ran("y = 1", Report(bound={"mine": TOLD}))
    assert "mine" in lied.notebook.home.depart("z = 1").begin.unbind


@pytest.mark.parametrize(
    "names", [("mine",), ("x", "mine"), ("x", "never"), ("print",), ("x", "_oh"), ("x", "x")]
)
def test_answers_bring_only_what_is_there(lied: Lied, names: tuple[str, ...]) -> None:
    lied.typed("mine = [1]")
    lied.ran()
    forge = Forge()
    pairs = [part for name in names for part in (forge.put(name), forge.put(5))]
    forge.tuple(forge.tuple(forge.dict(*pairs), forge.dict()))
    lied.refuses(value(forge.layout.pack(), names=names))


def test_heads_bind_only_the_names_of_their_parcel(lied: Lied) -> None:
    lied.ran()
    for name in ("print", "mine", "_oh", "__builtins__", "y"):
        forge = Forge()
        lied.refuses(value(forge.head(forge.put(5), name)), "names")
    forge = Forge()
    lied.refuses(value(forge.raw(forge.tuple(forge.dict(), forge.dict()))), "names")
    for root in (forge.put(1), forge.list(), forge.tuple(), forge.tuple(forge.list())):
        fresh = Forge()
        fresh.put(1), fresh.list(), fresh.tuple(), fresh.tuple(fresh.list())
        lied.refuses(value(fresh.raw(root)))


@pytest.mark.parametrize(
    "item",
    [
        Import("x", "antigravity"),
        Import("x", "os"),
        Import("x", "this"),
        Import("print", "os"),
        Import("x", "os", "system"),
        Import("print", "os", "system"),
        Same("home-1", ("x",)),
        Same("home-1", ("mine",)),
        Stays(("x",), "other", "int", "because"),
        Stays(("x",), "x", "\x1b]0;title\x07", "\x1b[2J\x9b2Jgone"),
        Stays(("print",), "print", "int", "because"),
    ],
)
def test_other_items_do_nothing(lied: Lied, item: Item) -> None:
    lied.typed("mine = [1]")
    lied.ran()
    error = lied.answer(Answers((item,)))
    assert not set(error) & set("\x1b\x07\x9b")
    assert type(lied.names["x"]) is Placeholder
    assert lied.names["mine"] == [1]


@pytest.mark.parametrize("module", ["antigravity", "os", "numpy\x1b[2J", "../x", "os.system"])
def test_modules_are_imported_as_they_were_typed(lied: Lied, module: str) -> None:
    lied.ran("import json as x", Report(bound={"x": Description("module", "m", 0, module)}))
    lied.liar.answers = Answers(())
    with lied.looking():
        lied.notebook.home.fetch(["x"], lied.liar)
    assert lied.names["x"].__name__ == "json"


def test_a_module_that_nobody_typed_is_refused(lied: Lied) -> None:
    lied.ran("x = 1", Report(bound={"x": Description("module", "os", 0, "os")}))
    lied.refuses(Answers(()), "no cell of this notebook imports it")


def test_a_function_comes_by_an_import_only_as_it_was_typed(lied: Lied) -> None:
    """Which one it was the machine says; that it was typed for that name is looked up here."""
    lied.typed("from os import system as run")
    lied.ran("from fractions import Fraction as x", Report(bound={"x": Description("type", "F")}))
    for module, attribute in (
        ("os", "system"),
        ("fractions", "Decimal"),
        ("decimal", "Fraction"),
        ("antigravity", "Fraction"),
        ("fractions", "Fraction.__new__"),
    ):
        lied.refuses(
            Answers((Import("x", module, attribute),)), "no cell of this notebook imports it"
        )
    lied.liar.answers = Answers((Import("x", "fractions", "Fraction"),))
    with lied.looking():
        lied.notebook.home.fetch(["x"], lied.liar)
    assert lied.names["x"] is Fraction


def test_twice_the_same(lied: Lied) -> None:
    lied.ran()
    forge = Forge()
    honest = value(forge.head(forge.put(5)))
    lied.refuses(Answers((*honest.items, *honest.items), honest.chunks), "once")
    other = value(forge.layout.pack(), names=("y",))
    lied.ran("y = 1", Report(bound={"y": TOLD}))
    lied.refuses(Answers((*honest.items, *other.items), honest.chunks), "token")


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\x1b]52;c;eA==\x07"])
def test_descriptions_are_plain_text(lied: Lied, text: str) -> None:
    about = Description(f"int{text}", f"5{text}")
    lied.ran("x = 1", Report(bound={"x": about}, stays={"x": text}))
    assert text not in repr(lied.names["x"])
    assert not set(repr(lied.names["x"])) & set("\x1b\x07\x9b\u202e")
    assert text not in lied.notebook.home.why_it_stays("x")


def test_a_million_needs_are_bounded(lied: Lied) -> None:
    needs = tuple(f"n{i}" for i in range(150_000))
    lied.ran("x = 1", Report(bound={"x": TOLD}, deps={"x": needs}))
    assert len(lied.notebook.hub.notebook.deps["x"]) <= 10_000


@pytest.mark.parametrize(
    "change",
    [
        {"bound": {"x": [1, 2, 3, 4]}},
        {"bound": {"x": "text"}},
        {"bound": ["x"]},
        {"bound": {"x\x00": ["int", "", 0, ""]}},
        {"bound": {"x": ["int", "", -1, ""]}},
        {"bound": {"x": ["int", "", 1 << 80, ""]}},
        {"deleted": "x"},
        {"deleted": [["x"]]},
        {"deps": {"x": "names"}},
        {"stays": {"x": 5}},
        {"ambient": {"random": 99}},
        {"ambient": {"random": -1}},
        {"threads": "many"},
        {"together": [["x", 5]]},
    ],
)
def test_malformed_reports_are_refused(change: dict[str, Any]) -> None:
    fields, blobs = Report(bound={"x": TOLD}).pack()
    fields.update(change)
    with pytest.raises(ProtocolError):
        Report.unpack(fields, [memoryview(b) for b in blobs])


def test_home_asks_for_plain_data_whatever_was_answered(lied: Lied) -> None:
    lied.ran()
    lied.answer(Answers(()))
    assert [ask.plain for ask in lied.liar.asked] == [True]
    assert through_json(lied.liar.asked[0], Ask).plain
