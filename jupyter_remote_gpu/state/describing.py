"""One-line descriptions of values, for placeholders, tables and messages."""

from __future__ import annotations

import sys
import types
from typing import Any

from jupyter_remote_gpu.protocol.state import Description

_SHORT_CHARS = 60
_SIZED = (list, tuple, dict, set, frozenset, str, bytes, bytearray)


def describe(value: Any, size: int = 0) -> Description:
    """Describe a value without running code of its class; `size` in bytes if known."""
    kind = type(value)
    if isinstance(value, types.ModuleType):
        return Description("module", value.__name__, module=value.__name__)
    if isinstance(value, type):
        return Description("class", value.__qualname__, size)
    text = _summary(value, kind)
    return Description(type_name(kind), text, size or _own_bytes(value))


def type_name(kind: type) -> str:
    """Return the name a reader knows the type by."""
    module = kind.__module__
    known = ("builtins", "__main__")
    short = module in known or module.split(".")[0] in ("numpy", "torch", "pandas")
    return kind.__qualname__ if short else f"{module}.{kind.__qualname__}"


def _summary(value: Any, kind: type) -> str:
    if isinstance(value, types.FunctionType):
        return value.__name__
    if kind in (int, float, complex, bool, type(None)):
        return _short_repr(value)
    # Never the text itself: descriptions stand in the journal, and texts may be passwords.
    if kind in _SIZED:
        return f"{len(value):,} {'characters' if kind is str else 'elements'}"
    torch: Any = sys.modules.get("torch")
    if torch is not None and _is(value, torch, "Tensor"):
        return f"{str(value.dtype).split('.')[-1]} {list(value.shape)}, {value.device}"
    if torch is not None and "torch.nn" in sys.modules and isinstance(value, torch.nn.Module):
        return f"{human_count(sum(p.numel() for p in value.parameters()))} params"
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and _is(value, numpy, "ndarray"):
        return f"{value.dtype} {list(value.shape)}"
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and _is(value, pandas, "DataFrame"):
        return f"{value.shape[0]:,} rows x {value.shape[1]:,} columns"
    return ""


def _is(value: Any, module: Any, name: str) -> bool:
    """Check the type without trusting a module that is only half imported."""
    return isinstance(value, getattr(module, name, ()))


def _short_repr(value: Any) -> str:
    if kind_is_huge(value):
        return "very large"
    text = repr(value)
    return text if len(text) <= _SHORT_CHARS else text[: _SHORT_CHARS - 1] + "…"


def kind_is_huge(value: Any) -> bool:
    """Say whether an int is too long to print (Python refuses beyond some digits)."""
    return type(value) is int and value.bit_length() > 4000


def _own_bytes(value: Any) -> int:
    size = getattr(value, "nbytes", 0) if type(value).__module__ in ("numpy", "torch") else 0
    return size if type(size) is int and size >= 0 else 0


def human_count(count: int) -> str:
    """Return 26_000_000 as '26 M'."""
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return str(count)
