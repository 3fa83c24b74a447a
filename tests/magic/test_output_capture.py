"""What an Output widget lists of the messages it captured."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.magic.output_capture import Capture, Captures


def stream(text: str, name: str = "stdout") -> tuple[str, dict[str, Any]]:
    """Return a stream message."""
    return "stream", {"name": name, "text": text}


def display(text: str, display_id: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return a display message."""
    transient = {} if display_id is None else {"display_id": display_id}
    return "display_data", {"data": {"text/plain": text}, "metadata": {}, "transient": transient}


def captured(*messages: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what is listed after these messages."""
    capture = Capture("comm", "message", [])
    for kind, content in messages:
        capture.take(kind, content)
    return capture.outputs


def test_text_of_one_stream_is_joined() -> None:
    assert captured(stream("a\n"), stream("b\n"), stream("c\n", "stderr")) == [
        {"output_type": "stream", "name": "stdout", "text": "a\nb\n"},
        {"output_type": "stream", "name": "stderr", "text": "c\n"},
    ]


def test_an_overwritten_bar_does_not_grow() -> None:
    bars = [stream(f"\r{step}%") for step in range(100)]
    (listed,) = captured(stream("start\n"), *bars)
    assert listed["text"] == "start\n98%\r99%"


def test_displays_are_updated_in_place() -> None:
    update = ("update_display_data", display("new", "id")[1])
    assert captured(display("old", "id"), display("other"), update) == [
        {"output_type": "display_data", "data": {"text/plain": "new"}, "metadata": {}},
        {"output_type": "display_data", "data": {"text/plain": "other"}, "metadata": {}},
    ]


def test_clearing_waits_for_the_next_output_if_told_so() -> None:
    first, second = stream("first"), stream("second")
    assert captured(first, ("clear_output", {"wait": False})) == []
    waiting = [first, ("clear_output", {"wait": True})]
    assert [o["text"] for o in captured(*waiting)] == ["first"]
    assert [o["text"] for o in captured(*waiting, second)] == ["second"]


def test_outputs_go_to_those_that_capture_for_the_message() -> None:
    captures = Captures()
    captures.aim("mine", {"outputs": []}, "m1")
    captures.aim("other", {}, "m2")
    assert [c.comm_id for c in captures.take("m1", *stream("x"))] == ["mine"]
    captures.aim("mine", {}, "")
    assert captures.take("m1", *stream("between")) == []
    captures.aim("mine", {}, "m1")
    (again,) = captures.take("m1", *stream("y"))
    assert again.outputs == [{"output_type": "stream", "name": "stdout", "text": "xy"}]
    assert captures.holds("mine", {"m1"})
    assert captures.end("m1") == [again]
    assert not captures.holds("mine", {"m1"})
