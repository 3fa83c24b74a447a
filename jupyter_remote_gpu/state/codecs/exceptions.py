"""Exceptions, rebuilt without calling their `__init__`.

Python pickles an exception as a call of its class with `args`, which fails, or
makes another text, where `__init__` takes something else. It drops what the
exception was raised from, too. Tracebacks stay behind: frames cannot travel.
"""

from __future__ import annotations

from typing import Any

Reduced = tuple[Any, ...]

_PLAIN_BYTES = BaseException.__basicsize__
_WAYS = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")


def reduce_exception(error: BaseException) -> Reduced | None:
    """Return how to pickle an exception; None if its class has a way of its own.

    Built-in classes with fields in C (OSError, SyntaxError, …) know theirs.
    """
    kind = type(error)
    builtin = next(c for c in kind.__mro__ if c.__module__ == "builtins")
    own = any(getattr(kind, way, None) is not getattr(BaseException, way, None) for way in _WAYS)
    if own or builtin.__basicsize__ != _PLAIN_BYTES:
        return None
    links = (error.__cause__, error.__context__, error.__suppress_context__)
    state = (dict(error.__dict__), *links)
    return new_exception, (kind, error.args), state, None, None, set_exception_state


def new_exception(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    """Make an exception with its `args`, its `__init__` left out."""
    return BaseException.__new__(kind, *arguments)


def set_exception_state(error: BaseException, state: tuple[Any, ...]) -> None:
    """Give a rebuilt exception its attributes and what it was raised from."""
    attributes, cause, context, suppress = state
    error.__dict__.update(attributes)
    error.__cause__ = cause
    error.__context__ = context
    error.__suppress_context__ = suppress
