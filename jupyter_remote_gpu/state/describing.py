"""One-line descriptions of values, for placeholders, tables and messages."""

from __future__ import annotations

import sys
import types
from collections import deque
from typing import Any

from jupyter_remote_gpu.protocol.state import Description

from .namespace import is_made_module

_SHORT_CHARS = 60
_SIZED: tuple[Any, ...] = (list, tuple, dict, set, frozenset, str, bytes, bytearray, deque)


def describe(value: Any, size: int = 0) -> Description:
    """Describe a value without running code of its class; `size` in bytes if known."""
    kind = type(value)
    if isinstance(value, types.ModuleType):
        module = "" if is_made_module(value) else value.__name__
        return Description("module", value.__name__, module=module)
    if isinstance(value, type):
        return Description("class", value.__qualname__, size)
    try:
        text, own = _summary(value, kind), _own_bytes(value)
    except Exception:
        # A value that its library cannot describe, such as a layer without its shape yet.
        text, own = "", 0
    return Description(type_name(kind), text, max(size, own))


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
    for sized in _SIZED:
        if isinstance(value, sized):
            return _count(sized.__len__(value), "character" if sized is str else "element")
    torch: Any = sys.modules.get("torch")
    if torch is not None and _is(value, torch, "Tensor"):
        return f"{str(value.dtype).split('.')[-1]} {list(value.shape)}, {value.device}"
    if torch is not None and (_is(value, torch, "device") or _is(value, torch, "dtype")):
        return str(value)
    if torch is not None and "torch.nn" in sys.modules and isinstance(value, torch.nn.Module):
        parameters = list(torch.nn.Module.parameters(value))
        devices = dict.fromkeys(str(p.device) for p in parameters)
        count = human_count(sum(p.numel() for p in parameters))
        return ", ".join([f"{count} params", *devices])
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and _is(value, numpy, "ndarray"):
        return f"{value.dtype} {list(value.shape)}"
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and _is(value, pandas, "DataFrame"):
        return f"{_count(value.shape[0], 'row')} x {_count(value.shape[1], 'column')}"
    if pandas is not None and (_is(value, pandas, "Series") or _is(value, pandas, "Index")):
        return f"{value.dtype}, {_count(value.size, 'element')}"
    return ""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


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
    torch: Any = sys.modules.get("torch")
    pandas: Any = sys.modules.get("pandas")
    if torch is not None and "torch.nn" in sys.modules and isinstance(value, torch.nn.Module):
        module = torch.nn.Module
        return sum(t.nbytes for t in (*module.parameters(value), *module.buffers(value)))
    if pandas is not None and _is(value, pandas, "DataFrame"):
        return int(value.memory_usage().sum())
    if pandas is not None and _is(value, pandas, "Series"):
        return int(value.memory_usage())
    size = getattr(value, "nbytes", 0) if type(value).__module__ in ("numpy", "torch") else 0
    return size if type(size) is int and size >= 0 else 0


def human_count(count: int) -> str:
    """Return 26_000_000 as '26 M'."""
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return str(count)
