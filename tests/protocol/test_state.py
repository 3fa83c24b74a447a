"""State messages survive JSON and blobs, and bad ones are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol.state import (
    Answers,
    Ask,
    Begin,
    Cell,
    Definition,
    Description,
    Import,
    Lacking,
    Manifest,
    Offer,
    Parcel,
    Report,
    Same,
    Stays,
)

ONE, TWO = b"1" * 32, b"2" * 32
CELL = Cell(7, "ident", "<cell>", "x = 1")
VALUE = Parcel(
    "t1",
    ("a", "b"),
    "value",
    (Manifest(5, 4, (ONE, TWO)),),
    definitions=(Definition("P", "7:1", 7),),
)
PATCH = Parcel("t2", ("c",), "patch", (Manifest(4, 4, (TWO,)),), base="t1", slots=(3,))
MESSAGES = [
    Begin(
        CELL,
        ("u",),
        ("p",),
        ("r",),
        {"s": Description("int", "1", 28)},
        (CELL,),
        (Import("np", "numpy"), VALUE, PATCH),
        {ONE: b"1234"},
        {"random": b"state"},
    ),
    Begin(CELL),
    Report(
        {"x": Description("int")},
        ("d",),
        {"t": Description("list")},
        {"x": ("y",)},
        {"x": "why"},
        (("t", "x"),),
    ),
    Offer((VALUE, PATCH)),
    Lacking((ONE, TWO), ("t2",)),
    Ask(("x",), ("t1",), ("t1",), ("u",), ("p",)),
    Answers((Same("t1", ("a",)), Stays(("g",), "g", "generator", "why"), VALUE), {TWO: b"5"}),
]


def through_wire(message: Any) -> Any:
    fields, blobs = message.pack()
    kind = type(message)
    return kind.unpack(json.loads(json.dumps(fields)), [memoryview(bytes(b)) for b in blobs])


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_messages_come_out_as_they_went_in(message: Any) -> None:
    assert through_wire(message) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_missing_or_wrong_field_is_refused(message: Any) -> None:
    fields, blobs = message.pack()
    views = [memoryview(bytes(b)) for b in blobs]
    for key in fields:
        for wrong in (None, -1, "text", [None], {"a": None}):
            with pytest.raises(ProtocolError):
                type(message).unpack({**fields, key: wrong}, views)
        less = {k: v for k, v in fields.items() if k != key}
        with pytest.raises(ProtocolError):
            type(message).unpack(less, views)


@pytest.mark.parametrize(
    "manifest",
    [
        [5, 4, 0, 1],  # a chunk too few
        [5, 0, 0, 2],  # chunks without bytes
        [1 << 60, 4, 0, 2],  # larger than anything
        [5, 4, 1, 2],  # names beyond those given
        [-5, 4, 0, 0],
        [5, 4, 0, "2"],
        [5, 4, 0],
    ],
)
def test_a_lying_manifest_is_refused(manifest: list[Any]) -> None:
    fields, blobs = Offer((VALUE,)).pack()
    fields["parcels"][0]["manifests"] = [manifest]
    with pytest.raises(ProtocolError):
        Offer.unpack(fields, [memoryview(bytes(b)) for b in blobs])


def test_names_of_chunks_must_be_whole() -> None:
    with pytest.raises(ProtocolError, match="fixed length"):
        Lacking.unpack({"unpatchable": []}, [memoryview(b"x" * 33)])
