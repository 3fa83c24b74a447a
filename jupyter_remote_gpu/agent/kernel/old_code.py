"""Finding the names whose values still hold code from before a module was loaded anew."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

_MOST_PARTS = 1000
_attributes_of: Callable[[Any], dict[str, object]] = vars(type)["__dict__"].__get__
_DEPTH = 4
"""An object's attributes are a dictionary: two steps."""


class Holders:
    """Looks for functions of `modules` whose code they do not contain any more.

    `is_old` says whether a value, or its class, was replaced. The search looks a few
    levels deep: lists and dictionaries, attributes, closures, methods and partials.
    """

    def __init__(self, modules: Sequence[ModuleType], is_old: Callable[[object], bool]) -> None:
        self._is_old = is_old
        self._globals = {id(module.__dict__) for module in modules}
        self._names = {module.__name__ for module in modules}
        self._current: set[object] = set()
        self._seen: set[int] = set()
        for module in modules:
            for value in list(module.__dict__.values()):
                self._take_current(value)

    def among(self, names: Mapping[str, Any]) -> list[str]:
        """Return those names that hold something old, in order."""
        return [name for name, value in list(names.items()) if self._holds(name, value)]

    def _take_current(self, value: object) -> None:
        """Note the code of what a module holds now."""
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if type(value) is FunctionType:
            if id(value.__globals__) in self._globals:
                self._take_code(value.__code__)
            for part in _contents(value):
                self._take_current(part)
        elif issubclass(type(value), type):
            attributes = _attributes_of(value)
            # what libraries' classes hold is none of these modules'
            if attributes.get("__module__") in self._names:
                for part in list(attributes.values()):
                    self._take_current(part)
        for attribute in ("__wrapped__", "__func__", "fget", "fset", "fdel", "func"):
            part = _attribute(value, attribute)
            if part is not None:
                self._take_current(part)

    def _take_code(self, code: CodeType) -> None:
        self._current.add(_mark(code))
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._take_code(constant)

    def _holds(self, name: str, value: object) -> bool:
        if name.startswith("_") or issubclass(type(value), ModuleType):
            return False
        seen: set[int] = set()
        level: Iterable[object] = [value]
        for _ in range(_DEPTH):
            below: list[object] = []
            for one in level:
                if id(one) in seen or len(seen) > _MOST_PARTS:
                    continue
                seen.add(id(one))
                if self._is_old(one) or self._is_old_function(one):
                    return True
                below.extend(_parts(one))
            level = below
        return False

    def _is_old_function(self, value: object) -> bool:
        if type(value) is not FunctionType or id(value.__globals__) not in self._globals:
            return False
        return _mark(value.__code__) not in self._current


def _parts(value: object) -> Iterable[object]:
    """Return what a value holds, asked in such a way that no code of the user's runs."""
    kind = type(value)
    for base, items in _CONTAINERS:
        if issubclass(kind, base):
            with contextlib.suppress(RuntimeError):  # a thread is changing it just now
                return list(itertools.islice(items(value), _MOST_PARTS))
    if issubclass(kind, MethodType):
        return [_attribute(value, "__func__"), _attribute(value, "__self__")]
    if issubclass(kind, functools.partial):
        given = _attribute(value, "keywords").values()
        return [_attribute(value, "func"), *_attribute(value, "args"), *given]
    if issubclass(kind, FunctionType):
        return [_attribute(value, "__wrapped__"), *_contents(value)]
    if issubclass(kind, (type, str, bytes, int, float)):
        return ()
    attributes = _attribute(value, "__dict__")
    return [attributes] if type(attributes) is dict else ()


_CONTAINERS: tuple[tuple[type, Callable[[Any], Iterable[object]]], ...] = (
    (list, list.__iter__),
    (tuple, tuple.__iter__),
    (set, set.__iter__),
    (frozenset, frozenset.__iter__),
    (dict, dict.values),
)


def _attribute(value: object, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except Exception:  # there is none, or its descriptor is the user's and fails
        return None


def _contents(function: Any) -> list[object]:
    """Return what a function's closure holds."""
    found = []
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # one that is not filled yet
            found.append(cell.cell_contents)
    return found


def _mark(code: CodeType) -> object:
    """Return what two code objects share exactly if they do the same, wherever they stand."""
    constants = tuple(
        _mark(c) if isinstance(c, CodeType) else (type(c), repr(c)) for c in code.co_consts
    )
    names = code.co_names, code.co_varnames, code.co_freevars
    return code.co_name, code.co_code, constants, names
