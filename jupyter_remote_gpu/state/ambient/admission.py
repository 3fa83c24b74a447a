"""Which ambient state may come from a machine that is not trusted, and in which form.

Draws and ways of printing may: the worst they do is to look odd. What decides
which code runs here may not: the working folder and `sys.path` say what an
`import` finds, environment variables say what programs run (`LD_PRELOAD`,
`PYTHONPATH`, `PAGER`, `BROWSER` and more than any list can name), some options
name modules, programs or code. All checks are made when the state arrives,
whether or not its library is imported yet.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.state.plain.limits import words

_WORDS = 624
_TORCH_STATE_BYTES = 5056
_LONGEST = 100
_NUMPY: dict[str, type | tuple[type, ...]] = {
    "precision": int,
    "threshold": int,
    "edgeitems": int,
    "linewidth": int,
    "suppress": bool,
    "nanstr": str,
    "infstr": str,
    "sign": str,
    "floatmode": str,
    "legacy": (bool, str),
}
_HANDLINGS = frozenset({"ignore", "warn", "raise", "print", "log"})
_ROUNDINGS = frozenset(
    f"ROUND_{how}" for how in words("CEILING FLOOR UP DOWN HALF_UP HALF_DOWN HALF_EVEN 05UP")
)
_TORCH_TYPES = frozenset({"float16", "bfloat16", "float32", "float64"})
_LEARN: dict[str, tuple[str | None, ...]] = {
    "display": ("diagram", "text"),
    "transform_output": (None, "default", "pandas", "polars"),
}
_PANDAS = re.compile(
    r"(display|mode|compute|future|styler\.(format|sparse|render\.max))[._]\S{1,60}"
)
_PANDAS_NEVER = re.compile(r"backend|engine|writer|reader|formatter|environment|encoding")
_PLOTS = re.compile(
    r"(_internal\.classic_mode|agg\.path\.chunksize|axes|axes3d|boxplot|contour|date\.autoformatter"
    r"|errorbar|figure|font|grid|hatch|hist|image|legend|lines|markers|mathtext|patch|path|polaraxes"
    r"|savefig|scatter|text|timezone|xaxis|xtick|yaxis|ytick|pdf\.fonttype|svg\.fonttype"
    r"|ps\.fonttype)(\..{0,60})?"
)
_PLOTS_NEVER = re.compile(
    r"hooks|latex|usetex|path\.effects|directory|converter|prop_cycle|kerning|hinting|preamble"
)
_CYCLE = words(
    "color linestyle linewidth marker markersize markeredgewidth markeredgecolor "
    "markerfacecolor alpha hatch dashes"
)
_ACTIONS = frozenset({"default", "error", "ignore", "always", "all", "module", "once"})
_SAFE_PATTERN = re.compile(r"(\.\*)?[\w \-,:;'\"!=/`@#%&<>~]{0,200}(\.\*|\\Z|\$)?(\(\?s:\))?")


class NotAdmittedError(ProtocolError):
    """Ambient state that an untrusted machine may not set; it stays as it is here."""


def admitted(name: str, told: Any) -> Any:
    """Return what of the state `name` may be taken over; raises `NotAdmittedError`."""
    check = _CHECKS.get(name)
    if check is None:
        raise NotAdmittedError(f"{name} is not taken over from a machine that is not trusted")
    try:
        return check(told)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise NotAdmittedError(f"{name} came in a form that it does not have") from error


def _must(condition: bool) -> None:
    if not condition:
        raise ValueError


def _whole(value: Any, low: int, high: int) -> int:
    _must(type(value) is int and low <= value <= high)
    return int(value)


def _python_random(told: Any) -> Any:
    version, internal, gauss = told
    _must(type(internal) in (tuple, list) and len(internal) == _WORDS + 1)
    words = [_whole(n, 0, (1 << 32) - 1) for n in internal[:-1]]
    _must(gauss is None or type(gauss) is float)
    return _whole(version, 3, 3), (*words, _whole(internal[-1], 0, _WORDS)), gauss


def _numpy_random(told: Any) -> Any:
    kind, key, position, has_gauss, gauss = told
    _must(kind == "MT19937" and type(key) is bytes and len(key) == 4 * _WORDS)
    _must(type(gauss) is float)
    return kind, key, _whole(position, 0, _WORDS), _whole(has_gauss, 0, 1), gauss


def _torch_random(told: Any) -> Any:
    _must(type(told) is bytes and len(told) == _TORCH_STATE_BYTES)
    return told


def _numpy_options(told: Any) -> Any:
    return {
        name: value
        for name, value in _table(told).items()
        if isinstance(value, _NUMPY.get(name, ())) and _shown(value)
    }


def _numpy_errors(told: Any) -> Any:
    # "call" would have a function called that is set here
    _must(set(told) == {"divide", "over", "under", "invalid"})
    _must(all(handling in _HANDLINGS for handling in told.values()))
    return dict(told)


def _decimal_context(told: Any) -> Any:
    precision, rounding, capitals = told
    _must(rounding in _ROUNDINGS)
    return _whole(precision, 1, 10_000), rounding, _whole(capitals, 0, 1)


def _torch_options(told: Any) -> Any:
    dtype, gradients, (*numbers, sci_mode) = told
    _must(dtype in _TORCH_TYPES and type(gradients) is bool and len(numbers) == 4)
    _must(sci_mode is None or type(sci_mode) is bool)
    _must(all(type(n) in (int, float) and 0 <= n <= 1 << 62 for n in numbers))
    return dtype, gradients, (*numbers, sci_mode)


def _torch_hooks(told: Any) -> Any:
    return _whole(told, 0, 1 << 40)


def _learn_config(told: Any) -> Any:
    return {
        name: value
        for name, value in _table(told).items()
        if type(value) in (bool, int) or value in _LEARN.get(name, ())
    }


def _pandas_options(told: Any) -> Any:
    return {
        name: value
        for name, value in _table(told).items()
        if _PANDAS.fullmatch(name) and not _PANDAS_NEVER.search(name) and _shown(value)
    }


def _plots(told: Any) -> Any:
    found = {}
    for name, value in _table(told).items():
        if name == "axes.prop_cycle":
            cycle = value["cycle"] if type(value) is dict else {}
            _must(type(cycle) is dict and cycle.keys() <= _CYCLE)
            _must(all(type(v) in (list, tuple) and _shown(v) for v in cycle.values()))
            if cycle:
                found[name] = {"cycle": cycle}
        elif _PLOTS.fullmatch(name) and not _PLOTS_NEVER.search(name) and _shown(value):
            found[name] = value
    return found


def _filters(told: Any) -> Any:
    """Return filters whose patterns are plain words: others could take for ever to match."""
    found = []
    _must(type(told) in (list, tuple) and len(told) <= 1000)
    for action, message, package, name, module, line in told:
        _must(action in _ACTIONS and type(package) is str and type(name) is str)
        if name.isidentifier() and _known_or_words(message) and _known_or_words(module):
            found.append((action, message, package, name, module, _whole(line, 0, 1 << 31)))
    return found


def _known_or_words(pattern: Any) -> bool:
    """Say whether a pattern is used here already, or is made of words."""
    if pattern is None or _SAFE_PATTERN.fullmatch(pattern.replace("\\", "")) is not None:
        return True
    here = (part for entry in warnings.filters for part in (entry[1], entry[3]))
    return any(pattern == getattr(part, "pattern", part) for part in here)


def _table(told: Any) -> dict[str, Any]:
    _must(type(told) is dict and len(told) <= 2000 and all(type(name) is str for name in told))
    return told  # type: ignore[no-any-return]


def _shown(value: Any) -> bool:
    """Say whether an option is a number, a short printable text, or a short list of them."""
    if type(value) in (list, tuple):
        return len(value) <= _LONGEST and all(_shown(v) for v in value)
    if type(value) is str:
        return len(value) <= _LONGEST and value.isprintable()
    if type(value) is int:
        return abs(value) < 1 << 62
    return value is None or type(value) in (float, bool)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "random": _python_random,
    "numpy.random": _numpy_random,
    "torch.random": _torch_random,
    "numpy.options": _numpy_options,
    "numpy.errors": _numpy_errors,
    "decimal.context": _decimal_context,
    "torch.options": _torch_options,
    "torch.hooks": _torch_hooks,
    "sklearn.config": _learn_config,
    "pandas.options": _pandas_options,
    "matplotlib.rcParams": _plots,
    "warnings.filters": _filters,
}
