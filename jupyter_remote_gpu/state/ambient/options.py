"""Printing and display options, default types, plot settings and warning filters."""

from __future__ import annotations

import enum
import re
import sys
import warnings
from typing import Any, cast

from .unit import AmbientUnit

_PLAIN = frozenset({str, int, float, bool, type(None), bytes})
_NOT_OURS = re.compile(
    r"backend|interactive|toolbar|webagg|savefig\.directory|figure\.hooks|macosx|tk\.|agg\.path"
)
"""Plot settings that belong to the place where plots are drawn."""


def is_plain(value: Any) -> bool:
    """Say whether a value is made of numbers, texts and containers of them."""
    kind = type(value)
    if kind is list or kind is tuple:
        return all(is_plain(v) for v in value)
    if kind is dict:
        return all(is_plain(v) for pair in value.items() for v in pair)
    return kind in _PLAIN


def _plain_items(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if is_plain(value)}


def _numpy_look() -> Any:
    return _plain_items(dict(sys.modules["numpy"].get_printoptions()))


def _numpy_take(options: Any) -> None:
    import numpy as np

    known = np.get_printoptions()
    np.set_printoptions(**{k: v for k, v in options.items() if k in known and v is not None})


def _errors_look() -> Any:
    return dict(sys.modules["numpy"].geterr())


def _errors_take(handling: Any) -> None:
    import numpy as np

    np.seterr(**handling)


def _decimal_look() -> Any:
    context = sys.modules["decimal"].getcontext()
    return context.prec, context.rounding, context.capitals


def _decimal_take(state: Any) -> None:
    import decimal

    context = decimal.getcontext()
    context.prec, context.rounding, context.capitals = state


def _torch_look() -> Any:
    torch: Any = sys.modules["torch"]
    printing = torch._tensor_str.PRINT_OPTS
    shown = (printing.precision, printing.threshold, printing.edgeitems, printing.linewidth)
    dtype = str(torch.get_default_dtype()).split(".", 1)[1]
    return dtype, torch.is_grad_enabled(), (*shown, printing.sci_mode)


def _torch_take(state: Any) -> None:
    torch: Any = sys.modules["torch"]
    dtype, gradients, (precision, threshold, edge, width, sci_mode) = state
    torch.set_default_dtype(getattr(torch, dtype))
    torch.set_grad_enabled(gradients)
    torch.set_printoptions(
        precision=precision, threshold=threshold, edgeitems=edge, linewidth=width
    )
    torch._tensor_str.PRINT_OPTS.sci_mode = sci_mode


def _hooks_look() -> Any:
    return sys.modules["torch"].utils.hooks.RemovableHandle.next_id


def _hooks_take(number: Any) -> None:
    """Go on counting where the other side is: a hook replaces another of its number."""
    import torch

    handles: Any = torch.utils.hooks.RemovableHandle
    handles.next_id = max(handles.next_id, number)


def _learn_look() -> Any:
    return _plain_items(sys.modules["sklearn"].get_config())


def _learn_take(options: Any) -> None:
    sklearn: Any = sys.modules["sklearn"]
    now = _learn_look()
    changed = {k: v for k, v in options.items() if k in now and now[k] != v}
    if changed:
        sklearn.set_config(**changed)


def _pandas_look() -> Any:
    found: dict[str, Any] = {}
    todo = [("", sys.modules["pandas"]._config.config._global_config)]
    while todo:
        prefix, options = todo.pop()
        for name, value in options.items():
            if isinstance(value, dict):
                todo.append((f"{prefix}{name}.", value))
            elif is_plain(value):
                found[prefix + name] = value
    return found


def _pandas_take(options: Any) -> None:
    import pandas as pd

    now = _pandas_look()
    for name, value in options.items():
        if name in now and now[name] != value:
            pd.set_option(name, value)


def _plots_look() -> Any:
    # dict.items: reading through rcParams itself would resolve the backend
    return dict(dict.items(sys.modules["matplotlib"].rcParams))


def _plots_tell() -> Any:
    told: dict[str, Any] = {}
    for name, value in _plots_look().items():
        if _NOT_OURS.match(name):
            continue
        if isinstance(value, enum.Enum):
            value = value.value
        if type(value).__name__ == "Cycler":
            told[name] = {"cycle": value.by_key()}
        elif is_plain(value):
            told[name] = value
    return told


def _plots_take(settings: Any) -> None:
    matplotlib: Any = sys.modules["matplotlib"]
    now = _plots_tell()
    for name, value in settings.items():
        if name in now and now[name] != value and not _NOT_OURS.match(name):
            cycle = value.get("cycle") if isinstance(value, dict) else None
            matplotlib.rcParams[name] = value if cycle is None else matplotlib.cycler(**cycle)


def _warnings_look() -> Any:
    return tuple(warnings.filters)


def _warnings_tell() -> Any:
    told = []
    for entry in warnings.filters:
        action, message, category, module, line = cast("tuple[Any, ...]", entry)
        first, second = (p.pattern if isinstance(p, re.Pattern) else p for p in (message, module))
        told.append((action, first, category.__module__, category.__qualname__, second, line))
    return told


def _warnings_take(filters: Any) -> None:
    """Put up the other side's filters; those for categories unknown here stay there."""
    found: list[Any] = []
    for action, message, package, name, module, line in filters:
        category = vars(sys.modules.get(package, re)).get(name)  # a look, never an import
        if isinstance(category, type) and issubclass(category, Warning):
            compiled = [None if p is None else re.compile(p, re.I) for p in (message, module)]
            found.append((action, compiled[0], category, compiled[1], line))
    warnings.filters[:] = found  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


UNITS = (
    AmbientUnit("numpy.options", "numpy", _numpy_look, _numpy_look, _numpy_take),
    AmbientUnit("numpy.errors", "numpy", _errors_look, _errors_look, _errors_take),
    AmbientUnit("decimal.context", "decimal", _decimal_look, _decimal_look, _decimal_take),
    AmbientUnit("torch.options", "torch", _torch_look, _torch_look, _torch_take),
    AmbientUnit("torch.hooks", "torch", _hooks_look, _hooks_look, _hooks_take),
    AmbientUnit("sklearn.config", "sklearn", _learn_look, _learn_look, _learn_take),
    AmbientUnit("pandas.options", "pandas", _pandas_look, _pandas_look, _pandas_take),
    AmbientUnit("matplotlib.rcParams", "matplotlib", _plots_look, _plots_tell, _plots_take),
    AmbientUnit("warnings.filters", "", _warnings_look, _warnings_tell, _warnings_take),
)
