"""Events: what a kernel writes down is read back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol import events
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.frames import Frame

NO_MORE: dict[str, Any] = {"metadata": {}, "transient": {}}


def test_an_event_comes_back_as_it_was() -> None:
    fields = {"content": {"comm_id": "é", "data": 1}, "metadata": {}}
    parts = events.encode(5, "comm_msg", 1.5, "run", "msg", fields, [b"ab", b""])
    (event,) = events.decode_all(b"".join(parts))
    assert event == Event(5, "comm_msg", 1.5, "run", "msg", fields, (b"ab", b""))


def test_what_is_no_json_is_written_as_its_text() -> None:
    parts = events.encode(1, "display", 0.0, None, None, {"data": {"x": complex(1, 2)}, **NO_MORE})
    (event,) = events.decode_all(b"".join(parts))
    assert event.fields == {"data": {"x": "(1+2j)"}, **NO_MORE}


@pytest.mark.parametrize("head", [b"x", b"{}", b'{"k":"a","t":"x","run":null,"p":null}'])
def test_a_foreign_record_is_refused_by_number(head: bytes) -> None:
    with pytest.raises(ProtocolError, match="event 9"):
        events.decode(Frame(9, 0, head, memoryview(b"")))


HEAD: dict[str, Any] = {"k": "stream", "t": 1.0, "run": "r", "p": None}
WRONG: list[dict[str, Any]] = [
    {"name": "stdout"},
    {"name": "stdout", "text": 5},
    {"name": "/dev/tty", "text": "x"},
    {"name": ["stdout"], "text": "x"},
    {"t": "now", "name": "stdout", "text": "x"},
    {"t": float("inf"), "name": "stdout", "text": "x"},
    {"run": ["r"], "name": "stdout", "text": "x"},
    {"p": "x" * 100_000, "name": "stdout", "text": "x"},
    {"k": ["stream"]},
    {"k": None},
    {"k": "display", "data": [], "metadata": {}, "transient": {}},
    {"k": "clear_output", "wait": "yes"},
    {"k": "comm_open", "content": {}, "metadata": {}},
    {"k": "comm_msg", "content": {"comm_id": ["a"]}, "metadata": {}},
    {"k": "input", "prompt": None, "password": False},
    {"k": "run_ended", "status": "ok", "seconds": float("nan")},
    {"k": "run_ended", "status": "ok", "seconds": -1},
    {"k": "run_ended", "status": "ok", "seconds": 1, "error": "bad"},
    {"k": "run_ended", "status": "ok", "seconds": 1, "error": {"own": []}},
    {"k": "run_ended", "status": "ok", "seconds": 1, "payload": [5]},
    {"k": "run_ended", "status": "ok", "seconds": 1, "report": []},
    {"k": "kernel_died"},
]


@pytest.mark.parametrize("fields", WRONG, ids=lambda fields: json.dumps(fields)[:60])
def test_an_event_with_a_wrong_field_is_refused_by_number(fields: dict[str, Any]) -> None:
    head = json.dumps({**HEAD, **fields}).encode()
    with pytest.raises(ProtocolError, match=r"event 7 "):
        events.decode(Frame(7, 0, head, memoryview(b"")))


def test_buffers_that_do_not_fill_the_payload_are_refused() -> None:
    head = {**HEAD, "k": "comm_msg", "content": {"comm_id": "a"}, "metadata": {}}
    for lengths in ([5], [-1, 2], [1, "1"], 3, [1 << 60]):
        text = json.dumps({**head, "b": lengths}).encode()
        with pytest.raises(ProtocolError, match="buffers of event 3"):
            events.decode(Frame(3, 0, text, memoryview(b"x")))


@pytest.mark.parametrize("head", [b"[" * 1_000_000, b'{"a":' * 200_000, b"[" + b"0," * 6_000_000])
def test_a_bomb_of_json_is_refused(head: bytes) -> None:
    with pytest.raises(ProtocolError, match="event 2 "):
        events.decode(Frame(2, 0, head, memoryview(b"")))
