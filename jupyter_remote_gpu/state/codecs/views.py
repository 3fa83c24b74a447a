"""Small objects that pickle refuses though all they are is another object, or a number.

The keys of a dictionary go as a look at that dictionary, the streams of a
kernel as the other kernel's, a counter as the number it would give next.
"""

from __future__ import annotations

import ast
import gc
import itertools
import re
import struct
import sys
import types
from typing import Any

_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
_STREAMS = ("stdin", "stdout", "stderr")
_COUNT = re.compile(r"count\((.+?)(?:, (.+))?\)$")


def reduce_view(obj: Any) -> tuple[Any, ...] | None:
    """Return how to pickle such an object; None for all others."""
    kind = type(obj)
    if kind in _VIEWS:
        return view_of, (gc.get_referents(obj)[0], _VIEWS[kind])
    if kind is types.MappingProxyType:
        (inner,) = gc.get_referents(obj)
        return (types.MappingProxyType, (inner,)) if type(inner) is dict else None
    if kind is itertools.count:
        found = _COUNT.match(repr(obj))
        numbers = [_number(part) for part in found.groups() if part] if found else [None]
        return None if None in numbers else (itertools.count, tuple(numbers))
    if kind is struct.Struct:
        return struct.Struct, (obj.format,)
    return None


def stream_name(obj: Any) -> str:
    """Return what `sys` calls the standard stream `obj`; empty if it is none."""
    for name in _STREAMS:
        if obj is getattr(sys, name, None) or obj is getattr(sys, f"__{name}__", None):
            return name
    return ""


def stream(name: str) -> Any:
    """Return the standard stream of that name of this side."""
    return getattr(sys, name) if name in _STREAMS else None


def view_of(mapping: dict[Any, Any], name: str) -> Any:
    """Return the keys, values or items of a dictionary."""
    views = {"keys": mapping.keys, "values": mapping.values, "items": mapping.items}
    return views[name]()


def _number(text: str) -> int | float | None:
    try:
        number = ast.literal_eval(text)
    except ValueError:  # a number of a class of the user's
        return None
    return number if isinstance(number, (int, float)) else None
