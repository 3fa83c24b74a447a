"""What an agent's answers hold, checked by the kind of request they answer.

The other half of `messages`: there a request's fields are checked, here the
`result` of its `done`. Texts come out plain (`plain_text`), because answers
are printed. Whoever sends requests calls `checked` with what came back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

from .bounded_json import is_number, within
from .plain_text import plain

MAX_DEPTH = 6
MAX_VALUES = 1_000_000
LONGEST_TEXT = 1_000_000

Test = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _text_values(value: Any) -> bool:
    return isinstance(value, dict) and _texts([*value.values()])


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _time(value: Any) -> bool:
    return is_number(value) and 0 <= value < 1 << 40


def _or_none(test: Test) -> Test:
    return lambda value: value is None or test(value)


def _all(test: Test) -> Test:
    return lambda value: isinstance(value, list) and all(test(v) for v in value)


def _object(**tests: Test) -> Test:
    def fits(value: Any) -> bool:
        return isinstance(value, dict) and all(k in value and t(value[k]) for k, t in tests.items())

    return fits


_KERNEL = _object(
    kernel=lambda v: isinstance(v, str) and 0 < len(v) <= 200,
    notebook=_text,
    python=_text,
    folder=_text,
    pid=_count,
    started=_time,
    dead=_truth,
    busy=_truth,
    held=_count,
)
_RUN = _object(
    run=_text,
    source=_text,
    count=_count,
    started=_time,
    first=lambda v: _count(v) and v > 0,
    status=_text,
    ended=_or_none(_time),
    bound=_texts,
    error=_or_none(_text),
)
_GPU = _object(name=_text, use_percent=_text)
_WORKSPACE = _object(folder=_text, python=_text, digests=_texts)
_OPENED = _object(folder=_text, python=_text, digests=_texts, provided=_text_values)
_REMAINS = _object(item=_text, kind=_text, name=_text, bytes=_count, used=_time, by=_texts)

_DATASET = _object(
    key=_text,
    text=_text,
    name=_text,
    bytes=_count,
    files=_count,
    used=_time,
    whole=_truth,
    going=_truth,
    at=_texts,
)
_PLACED = _object(
    path=_text,
    kaggle=_text,
    key=_text,
    bytes=_count,
    files=_count,
    checked=_texts,
    notes=_texts,
)


def _tree_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


_TREE = _object(root=_tree_name, depth=_count, based=_truth)
_CHANGED = _object(root=_tree_name, depth=_count, based=_truth, refused=_text_values)

_RESULTS: dict[str, Test] = {
    "open_kernel": _KERNEL,
    "list_kernels": _object(kernels=_all(_KERNEL)),
    "list_runs": _object(runs=_all(_RUN)),
    "open_workspace": _OPENED,
    "build_environment": _WORKSPACE,
    "remains": _object(items=_all(_REMAINS)),
    "look_project": _TREE,
    "find_project": _TREE,
    "change_project": _CHANGED,
    "clean": _object(freed=_count, kept=_text_values),
    "place_dataset": _PLACED,
    "list_datasets": _object(datasets=_all(_DATASET)),
    "remove_datasets": _object(freed=_count, kept=_text_values),
    "stop_dataset": _object(stopped=_truth),
    "status": _object(disk_free=_count, gpus=_all(_GPU), kernels=_all(_KERNEL)),
}


def checked(tag: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a request of the kind `tag`, its texts plain.

    ProtocolError if a field is missing, of another type, or beyond the limits.
    """
    whole = within(result, MAX_DEPTH, MAX_VALUES)
    if not whole or not _RESULTS.get(tag, lambda value: True)(result):
        raise ProtocolError(
            f"the machine's answer to {tag!r} is not what such an answer looks like",
            hint="`%remote_gpu restart` starts a fresh remote Python there.",
        )
    cleaned: dict[str, Any] = _plain(result)
    for name in ("memory_total", "memory_free"):
        if not _count(cleaned.get(name, 0)):
            del cleaned[name]
    return cleaned


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value, LONGEST_TEXT)
    if isinstance(value, dict):
        return {plain(name, 1000): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
