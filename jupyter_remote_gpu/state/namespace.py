"""Which entries of a kernel's namespace are the user's, and how results (`_`, `_5`) are kept."""

from __future__ import annotations

import io
import re
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

_HIDDEN = frozenset({"In", "Out", "get_ipython", "exit", "quit"})
_HISTORY = re.compile(r"_(_+|i+|i\d+|ih|oh|dh|exit_code|remote_gpu\w*)$")
_RESULT = re.compile(r"_(\d+)$")
_ABSENT = object()
_SIMPLE = (types.ModuleType, int, float, complex, str, bytes, type(None))


def is_hidden(name: str, value: object = None) -> bool:
    """Say whether `name` is Python's or IPython's own and no business of the user's."""
    if name in _HIDDEN:
        return True
    if name[:1] == "_":
        if name[:2] == "__" and name[-2:] == "__":
            return True
        return _HISTORY.match(name) is not None
    # IPython puts its own `open` there, which wraps the built-in one.
    return name == "open" and getattr(value, "__wrapped__", None) is io.open


def user_names(namespace: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the user's names and their values, over a copy."""
    for name, value in list(namespace.items()):
        if type(name) is str and not is_hidden(name, value):
            yield name, value


def bind(namespace: dict[str, Any], name: str, value: Any) -> None:
    """Bind `name`; a result `_5` is bound in IPython's `Out` as well."""
    namespace[name] = value
    match = _RESULT.match(name)
    if match is not None and isinstance(namespace.get("_oh"), dict):
        namespace["_oh"][int(match[1])] = value


def unbind(namespace: dict[str, Any], name: str) -> Any:
    """Remove `name` if it is bound, also from `Out`; return its value or None."""
    value = namespace.pop(name, None)
    match = _RESULT.match(name)
    if match is not None and isinstance(namespace.get("_oh"), dict):
        namespace["_oh"].pop(int(match[1]), None)
    return value


def is_result(name: str) -> bool:
    """Say whether a name is one that IPython gives to results: `_`, `__`, `_5`."""
    rest = name.lstrip("_")
    return name[:1] == "_" and (not rest or rest.isdigit())


def is_module(value: object) -> bool:
    """Say whether a value is a module (those go by name)."""
    return isinstance(value, types.ModuleType)


def is_made_module(value: object) -> bool:
    """Say whether a value is a module that code made: nothing to import by that name."""
    if not isinstance(value, types.ModuleType) or value.__name__ == "__main__":
        return False
    return (
        getattr(value, "__spec__", None) is None and value.__name__ not in sys.builtin_module_names
    )


def is_simple(value: object) -> bool:
    """Say whether a value is a module, number, text or None: nothing that could change inside."""
    return isinstance(value, _SIMPLE)


class Held:
    """Remembers which object a name held without keeping it alive where Python allows that.

    So a cell that drops a large value in its middle really frees it.
    """

    __slots__ = ("_reference",)

    def __init__(self, value: Any) -> None:
        try:
            self._reference: Callable[[], Any] = weakref.ref(value)
        except TypeError:  # numbers, lists, dicts: no weak references to these
            self._reference = _Strong(value)

    def holds(self, value: Any) -> bool:
        """Say whether `value` is that very object."""
        found = self._reference()
        # a reference to what is gone gives None, which is also what a name may hold now
        return found is value and (found is not None or type(self._reference) is _Strong)

    def value(self) -> Any:
        """Return the object, None if it is gone."""
        return self._reference()


class _Strong:
    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __call__(self) -> Any:
        return self._value


class Rebinding:
    """Binds names one by one and can put everything back: for steps that may fail half way."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._before: dict[str, Any] = {}

    def bind(self, name: str, value: Any) -> None:
        """Bind `name`, remembering what it held."""
        self.save(name)
        bind(self._namespace, name, value)

    def save(self, name: str) -> None:
        """Remember what `name` holds, before something else rebinds it."""
        self._before.setdefault(name, self._namespace.get(name, _ABSENT))

    def undo(self) -> None:
        """Put back what the names held at first."""
        for name, value in self._before.items():
            if value is _ABSENT:
                unbind(self._namespace, name)
            else:
                bind(self._namespace, name, value)
