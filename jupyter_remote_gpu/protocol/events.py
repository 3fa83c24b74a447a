"""What a kernel writes down: the events of its journal.

An event is one frame whose number counts up from 1 within its kernel. The
head holds `k` (kind), `t` (seconds since the epoch), `run` (run id, or null
between runs), `p` (the id of the front end's message it belongs to) and the
fields of its kind; buffers of comm messages are the payload.

| kind | fields |
|---|---|
| `kernel_started` | `pid`, `python`, `facts` |
| `run_started` | `source`, `count` |
| `stream` | `name` (`stdout`, `stderr`), `text` |
| `display`, `update_display` | `data`, `metadata`, `transient` |
| `result` | `data`, `metadata` |
| `error` | `name`, `value`, `traceback`, …: shown by the cell, which went on |
| `failing` | the cell's error, not shown yet, comes before what follows (open figures) |
| `clear_output` | `wait` |
| `comm_open`, `comm_msg`, `comm_close` | `content`, `metadata` |
| `comm_handled` | `p` names the comm message that was worked off |
| `input` | `prompt`, `password` |
| `notice` | `text`: something the user must know |
| `run_ended` | `status`, `error`, `report`, `seconds`, `payload`, `packages` |
| `kernel_died` | `message`, `cause`; written by the agent |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

from . import bounded_json, event_kinds, frames
from .frames import Buffer, Frame

SEGMENT_MAGIC = b"JRGJOUR\x01"
"""First bytes of every segment file of a journal."""
SEGMENT_SUFFIX = ".journal"


@dataclass(frozen=True, slots=True)
class Event:
    """One numbered event of a kernel's journal, as read back."""

    number: int
    kind: str
    time: float
    run: str | None
    parent: str | None
    fields: dict[str, Any]
    buffers: tuple[bytes, ...] = ()


def encode(
    number: int,
    kind: str,
    time: float,
    run: str | None,
    parent: str | None,
    fields: dict[str, Any],
    buffers: Sequence[Buffer] = (),
) -> list[Buffer]:
    """Return the buffers of an event's frame; `fields` must be JSON-able."""
    head = {"k": kind, "t": time, "run": run, "p": parent, **fields}
    if buffers:
        head["b"] = [b.nbytes if isinstance(b, memoryview) else len(b) for b in buffers]
    text = json.dumps(head, separators=(",", ":"), default=str).encode()
    return frames.encode(text, buffers, number=number)


def decode(frame: Frame) -> Event:
    """Return the event in a frame; ProtocolError, with its number, if it is none.

    Behind it every field that `event_kinds` names is there and of its type.
    """
    head = bounded_json.loads(frame.head, f"event {frame.number} of a journal")
    try:
        kind, time = head.pop("k"), head.pop("t")
        run, parent = head.pop("run"), head.pop("p")
        lengths = head.pop("b", [])
    except (KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(f"event {frame.number} of a journal cannot be read: {error}") from error
    if not bounded_json.is_number(time):
        raise ProtocolError(f"event {frame.number} of a journal has no time")
    event_kinds.check(frame.number, kind, run, parent, head)
    buffers = _cut(frame, lengths)
    return Event(frame.number, kind, float(time), run, parent, head, buffers)


def _cut(frame: Frame, lengths: Any) -> tuple[bytes, ...]:
    whole = isinstance(lengths, list) and all(type(n) is int and n >= 0 for n in lengths)
    if not whole or sum(lengths) != len(frame.payload):
        raise ProtocolError(f"the buffers of event {frame.number} do not fill its payload")
    buffers = []
    at = 0
    for length in lengths:
        buffers.append(bytes(frame.payload[at : at + length]))
        at += length
    return tuple(buffers)


def decode_all(data: Buffer) -> Iterator[Event]:
    """Yield the events of whole frames lying one behind the other."""
    for frame, _ in frames.split(data):
        yield decode(frame)
