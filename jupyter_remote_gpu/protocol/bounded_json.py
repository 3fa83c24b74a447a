"""JSON from the other side, with limits: how deep, how many values.

A few bytes of JSON can ask for a thousand times their memory, and a deep
nesting ends a Python's stack long after it was read. Whoever reads a head
that another process wrote uses `loads`.
"""

from __future__ import annotations

import json
import math
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

MAX_VALUES = 5_000_000
"""More commas and brackets than this are no message of ours; each value takes some 60 bytes."""


def loads(text: bytes, what: str) -> Any:
    """Return the value in a JSON text; ProtocolError, naming `what`, if it is none within limits.

    Depth is bounded by the interpreter's own stack alone: `within` asks for less.
    """
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES:
        raise ProtocolError(f"{what} has more than {MAX_VALUES} values")
    try:
        return json.loads(text)
    except RecursionError:
        raise ProtocolError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise ProtocolError(f"{what} is no JSON: {error}") from error


def within(value: Any, depth: int, count: int) -> bool:
    """Whether a JSON value is nested at most `depth` deep and has at most `count` values."""
    level = [value]
    for _ in range(depth + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        count -= len(below)
        if count < 0:
            return False
        if not below:
            return True
        level = below
    return False


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number (a truth value is none)."""
    return type(value) in (int, float) and math.isfinite(value)
