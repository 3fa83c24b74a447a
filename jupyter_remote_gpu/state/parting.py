"""A result cut loose from what it was taken from, so that a part travels without the whole."""

from __future__ import annotations

import copy
import sys
from collections import OrderedDict
from typing import Any

RESULT = "_evaluated_there"
"""The name under which `%remote_gpu eval` leaves its result on the machine."""

_KEPT = (int, float, complex, str, bytes, type(None), type)
_COPIED = ("ndarray", "DataFrame", "Series", "Index")


def part_result(namespace: dict[str, Any]) -> None:
    """Cut the result of an evaluation loose, if there is one; called when its cell has run."""
    if RESULT in namespace:
        namespace[RESULT] = apart(namespace[RESULT])


def apart(value: Any) -> Any:
    """Return `value` with no memory in common with anything else, tensors on the CPU.

    Views become arrays of their own. What cannot be copied is returned as it
    is: it travels together with what it belongs to, or not at all.
    """
    try:
        return _apart(value, {})
    except Exception:
        # Its class will not be copied; whether it can travel is found out when it is fetched.
        return value


def _apart(value: Any, done: dict[int, Any]) -> Any:
    kind = type(value)
    if isinstance(value, _KEPT) or callable(value):
        return value if not _is_module(value) else copy.deepcopy(value, done)
    if id(value) in done:
        return done[id(value)]
    if _is_tensor(value):
        made = value.detach().clone().cpu()
    elif kind.__name__ in _COPIED and kind.__module__.split(".")[0] in ("numpy", "pandas"):
        made = value.copy()
    elif kind in (dict, OrderedDict):
        made = kind((key, _apart(item, done)) for key, item in value.items())
    elif kind in (list, tuple, set, frozenset):
        made = kind(_apart(item, done) for item in value)
    else:
        made = copy.deepcopy(value, done)
    done[id(value)] = made
    return made


def _is_tensor(value: Any) -> bool:
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch, "Tensor", ()))


def _is_module(value: Any) -> bool:
    nn: Any = sys.modules.get("torch.nn")
    return nn is not None and isinstance(value, getattr(nn, "Module", ()))
