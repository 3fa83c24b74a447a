"""Which fields each kind of event has, and of which types; checked when one is read.

Whoever reads a journal may be reading what a broken or a lying machine wrote:
behind `check` every field named here is there and of its type. Fields that
are not named here are handed on as they came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

from .bounded_json import is_number

MAX_ID_CHARS = 1000
LARGEST_NUMBER = 1 << 62

Test = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _text_values(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _optional_mapping(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _mappings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)


def _duration(value: Any) -> bool:
    return is_number(value) and 0 <= value < LARGEST_NUMBER


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST_NUMBER


def _comm(value: Any) -> bool:
    return isinstance(value, dict) and _name(value.get("comm_id"))


def _name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARS


def _exception(value: Any) -> bool:
    """Whether it describes an exception: one of ours, or one of the cell's."""
    if value is None:
        return True
    if not isinstance(value, dict):
        return False
    if "own" in value:
        hint = value.get("hint")
        return _text(value["own"]) and _text(value.get("message")) and (hint is None or _text(hint))
    tests: dict[str, Test] = {
        "name": _text,
        "value": _text,
        "traceback": _texts,
        "module": _text,
        "bases": _texts,
    }
    return _fits(value, tests) and isinstance(value.get("args"), list)


def _packages(value: Any) -> bool:
    """Whether it tells of packages that came and went: names and lines to ask for them."""
    return isinstance(value, dict) and all(
        isinstance(value.get(side), dict) and all(isinstance(v, str) for v in value[side].values())
        for side in ("came", "went")
    )


_DISPLAY: dict[str, Test] = {"data": _mapping, "metadata": _mapping}
_COMM: dict[str, Test] = {"content": _comm, "metadata": _optional_mapping}

REQUIRED: dict[str, dict[str, Test]] = {
    "run_started": {"source": _text, "count": _count},
    "stream": {"name": lambda v: v in ("stdout", "stderr"), "text": _text},
    "display": {**_DISPLAY, "transient": _mapping},
    "update_display": {**_DISPLAY, "transient": _mapping},
    "result": _DISPLAY,
    "error": {"name": _text, "value": _text, "traceback": _texts},
    "clear_output": {"wait": _truth},
    "comm_open": _COMM,
    "comm_msg": _COMM,
    "comm_close": _COMM,
    "input": {"prompt": _text, "password": _truth},
    "dataset": {"address": _text},
    "publish": {"question": _mapping},
    "notice": {"text": _text},
    "run_ended": {"status": _text, "seconds": _duration},
    "kernel_died": {"message": _text},
}
"""The fields that an event must have, by its kind."""

OPTIONAL: dict[str, dict[str, Test]] = {
    "run_started": {
        "sent": _texts,
        "refused": _truth,
        "notes": _texts,
        "datasets": _text_values,
    },
    "run_ended": {
        "error": _exception,
        "payload": _mappings,
        "report": _optional_mapping,
        "bound": _texts,
        "packages": _packages,
        "datasets": _text_values,
    },
    "kernel_died": {"cause": _text},
}
"""The fields that it may have besides."""


def check(number: int, kind: Any, run: Any, parent: Any, fields: dict[str, Any]) -> None:
    """Raise ProtocolError, naming the event and the field, unless the event is well-formed."""
    if not _name(kind):
        raise ProtocolError(f"event {number} of a journal has no kind")
    for what, ident in (("run", run), ("message", parent)):
        if ident is not None and not (isinstance(ident, str) and len(ident) <= MAX_ID_CHARS):
            raise ProtocolError(f"event {number} of a journal belongs to no {what}")
    for name, test in REQUIRED.get(kind, {}).items():
        if name not in fields or not test(fields[name]):
            raise ProtocolError(f"event {number} of a journal, a {kind!r}, has no right {name!r}")
    for name, test in OPTIONAL.get(kind, {}).items():
        if name in fields and not test(fields[name]):
            raise ProtocolError(f"event {number} of a journal, a {kind!r}, has a wrong {name!r}")


def _fits(value: dict[str, Any], tests: dict[str, Test]) -> bool:
    return all(name in value and test(value[name]) for name, test in tests.items())
