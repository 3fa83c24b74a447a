"""What a cell showed, in a form in which two runs can be compared, and how they differ.

Everything is compared: streams, results, displays, errors, in their order. What
one kernel would show differently on its next run too is replaced by a word:
addresses, process ids in file names, the random ids of HTML tables. Of standard
output and standard error each is in order; how they interleave is not told by
Jupyter either.
"""

from __future__ import annotations

import base64
import difflib
import io
import re
from dataclasses import dataclass
from typing import Any

import matplotlib.image
import numpy as np

from tests.notebook import Shown, is_line

Item = tuple[str, Any]

_VARYING = [
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b0x[0-9a-fA-F]{6,}\b"), "<address>"),
    (re.compile(r"(?:ipykernel_\d+/|\()\d+\.py"), "<cell>"),
    (re.compile(r"sk-(container|estimator)-id-\d+"), r"sk-\1-id"),
    (re.compile(r"\bT_[0-9a-f]{5}"), "T_id"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"/tmp/notebook-[^/\s'\"]+"), "<folder>"),
    (re.compile(r"(?:CPU times|Wall time): .*"), "<times>"),
]
_UPDATES = ("display_data", "update_display_data", "execute_result")
_SHOWN_CHARACTERS = 1500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one cell showed, in order; `refusal` is our own error if we did not run it."""

    items: tuple[Item, ...]
    refusal: str = ""


def outcome(shown: Shown) -> Outcome:
    """Return a cell's outcome."""
    items: list[Item] = []
    streams = {"stdout": "", "stderr": ""}

    def flush() -> None:
        for name in streams:
            if streams[name]:
                items.append((name, _settled(streams[name])))
                streams[name] = ""

    for message in shown.messages:
        content = message["content"]
        if is_line(message):
            continue
        if message["msg_type"] == "stream":
            streams[content["name"]] += content["text"]
            continue
        flush()
        items += _item(message["msg_type"], content)
    flush()
    return Outcome(tuple(items), _refusal(shown))


def difference(one: Outcome, other: Outcome) -> str:
    """Say how the second differs from the first; empty if they show the same."""
    kinds = [[name for name, _ in outcome.items] for outcome in (one, other)]
    if kinds[0] != kinds[1]:
        sides = (_text(one), _text(other))
        return f"shows {kinds[1]} instead of {kinds[0]}\n" + _diff(*sides)
    for (name, first), (_, second) in zip(one.items, other.items, strict=True):
        if first != second:
            if isinstance(first, bytes):
                return _pictures(first, second)
            return f"another {name}\n" + _diff(str(first), str(second))
    return ""


def _item(kind: str, content: dict[str, Any]) -> list[Item]:
    if kind in _UPDATES:
        data = content["data"].items()
        return [(f"{kind} {mime}", _value(mime, value)) for mime, value in sorted(data)]
    if kind == "error":
        return [("error", f"{content['ename']}: {_settled(content['evalue'])}")]
    if kind == "clear_output":
        return [(kind, content.get("wait"))]
    return [] if kind.startswith("comm_") else [(kind, "")]


def _value(mime: str, value: Any) -> Any:
    if mime == "image/png":
        return base64.b64decode(value)
    return _settled(value) if isinstance(value, str) else value


def _settled(text: str) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


def _refusal(shown: Shown) -> str:
    """Return our own error's text: the cell was not run, or a name was not readable."""
    for message in shown.messages:
        if message["msg_type"] == "error":
            content = message["content"]
            ours = ("CellRefused", "CannotTravelError", "LostError", "ElsewhereError")
            if content["ename"] in (*ours, "NotAvailableError", "DamagedError"):
                return f"{content['ename']}: {content['evalue']}"
    return ""


def _text(outcome: Outcome) -> str:
    return "\n".join(
        f"{name}: {f'{len(value)} bytes' if isinstance(value, bytes) else value}"
        for name, value in outcome.items
    )


def _pictures(first: bytes, second: bytes) -> str:
    one, other = (matplotlib.image.imread(io.BytesIO(data), "png") for data in (first, second))
    if one.shape != other.shape:
        return f"a picture of {other.shape} pixels instead of {one.shape}"
    most = float(np.abs(one - other).max())
    return f"another picture: up to {most:.3f} a pixel" if most else ""


def _diff(one: str, other: str) -> str:
    sides = one.splitlines(), other.splitlines()
    lines = difflib.unified_diff(*sides, "one kernel", "placed", n=1, lineterm="")
    return "\n".join(lines)[:_SHOWN_CHARACTERS]
