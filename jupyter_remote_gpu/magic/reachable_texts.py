"""The texts that a local cell can come by: its own, those of functions it calls, values it names.

Only looked at while a file that it may read is not here, so it may take milliseconds.
Nothing of the user's is called.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from jupyter_remote_gpu.files.mentioned import path_texts

MOST_VALUES = 20_000
"""More is not looked at: no path is looked for in a value of that size."""
_MOST_ITEMS = 200
_DEEPEST = 3
_FIELD = "*"
_PLACES = re.compile(r"%[-+0-9.]*[sdifg]|\{[^{}]{0,40}\}")
"""What `%` and `format` put something in the place of."""


def reachable_texts(
    tree: ast.Module, names: Mapping[str, Any], is_own: Callable[[str], bool]
) -> set[str]:
    """Return the texts in a cell, and in what it can reach by the names it has.

    `names` are the notebook's, `is_own` says of a file of code whether it is the
    user's (his project's): what libraries call is not followed.
    """
    reach = _Reach(names, is_own)
    reach.texts.update(path_texts(ast.unparse(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            reach.take(node.value)
        elif isinstance(node, ast.JoinedStr):
            reach.texts.add(_pattern(node))
        elif isinstance(node, ast.Name):
            reach.name(node.id, names)
        elif isinstance(node, ast.Attribute):
            reach.attribute(node.attr)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                reach.attribute(alias.name)
    reach.follow()
    return reach.texts


def _first(values: Iterable[Any]) -> list[Any]:
    """Return some of what a value holds, without a copy of all; other threads may change it."""
    return list(itertools.islice(values, _MOST_ITEMS))


def _pattern(node: ast.JoinedStr) -> str:
    """Return an f-string as a pattern: "model_*.pt"."""
    parts = [str(part.value) if isinstance(part, ast.Constant) else _FIELD for part in node.values]
    return "".join(parts)


class _Reach:
    """What was found so far, and what is to be looked at still."""

    def __init__(self, names: Mapping[str, Any], is_own: Callable[[str], bool]) -> None:
        self.texts: set[str] = set()
        self._names = names
        self._is_own = is_own
        self._seen: set[int] = set()
        self._attributes: set[str] = set()
        self._modules: list[ModuleType] = []
        self._codes: list[tuple[CodeType, Mapping[str, Any]]] = []

    def follow(self) -> None:
        """Look at all that was found, and at what that leads to."""
        while self._codes and len(self._seen) < MOST_VALUES:
            code, where = self._codes.pop()
            for constant in code.co_consts:
                self.take(constant, where=where)
            for name in code.co_names:
                self.name(name, where)
                self.attribute(name)

    def name(self, name: str, where: Mapping[str, Any]) -> None:
        """Take the value of a name, if it has one there."""
        if name in where:
            self.take(where[name])

    def attribute(self, name: str) -> None:
        """Take what own modules have under a name; those that come later too."""
        if name not in self._attributes:
            self._attributes.add(name)
            for module in self._modules:
                self.name(name, vars(module))

    def take(self, value: Any, depth: int = 0, where: Mapping[str, Any] | None = None) -> None:
        """Take a text, a path, what holds some, or code that does. By its exact type: a
        placeholder is asked nothing.
        """
        kind = type(value)
        if kind is str:
            self.texts.update((value, _PLACES.sub(_FIELD, value)))
        elif kind is bytes:
            self.texts.add(value.decode(errors="replace"))
        elif issubclass(kind, PurePath):
            self.texts.add(os.fspath(value))
        elif kind is CodeType:
            self._code(value, self._names if where is None else where)
        elif depth < _DEEPEST and not self._was_seen(value):
            self._take_inside(value, kind, depth)

    def _take_inside(self, value: Any, kind: type, depth: int) -> None:
        if kind is FunctionType:
            self._function(value)
        elif kind is MethodType:
            self.take(value.__func__)
            self.take(value.__self__, depth + 1)
        elif kind is ModuleType:
            self._module(value)
        elif issubclass(kind, type):
            self._class(value)
        elif kind in (list, tuple, set, frozenset):
            self._all(_first(value), depth)
        elif kind is dict:
            self._all(_first(value.values()), depth)
        elif self._is_of_user(kind):
            self._class(kind)
            with contextlib.suppress(AttributeError):
                fields = object.__getattribute__(value, "__dict__")
                self._all(_first(fields.values()), depth)

    def _all(self, values: Iterable[Any], depth: int) -> None:
        for value in values:
            self.take(value, depth + 1)

    def _function(self, function: FunctionType) -> None:
        inner = getattr(function, "__wrapped__", None)
        if type(inner) is FunctionType:
            self.take(inner)
        if not self._is_of_user(function):
            return
        self._code(function.__code__, function.__globals__)
        self._all(function.__defaults__ or (), 0)
        for cell in function.__closure__ or ():
            try:
                self.take(cell.cell_contents, 1)
            except ValueError:  # noqa: PERF203  (a cell that is empty still)
                continue

    def _class(self, kind: type) -> None:
        for one in kind.__mro__:
            if self._is_of_user(one):
                for value in list(vars(one).values()):
                    inner: Any = value.fget if type(value) is property else value
                    inner = inner.__func__ if type(inner) in (classmethod, staticmethod) else inner
                    self.take(inner, 1)

    def _module(self, module: ModuleType) -> None:
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not self._is_own(file):
            return
        self._modules.append(module)
        for name in tuple(self._attributes):
            self.name(name, vars(module))

    def _code(self, code: CodeType, where: Mapping[str, Any]) -> None:
        if not self._was_seen(code):
            self._codes.append((code, where))

    def _is_of_user(self, value: Any) -> bool:
        """Whether a class or function was typed in the notebook, or is of the project."""
        module = vars(value).get("__module__") if isinstance(value, type) else value.__module__
        if module == "__main__":
            return True
        file = getattr(sys.modules.get(str(module)), "__file__", None)
        return isinstance(file, str) and self._is_own(file)

    def _was_seen(self, value: Any) -> bool:
        if id(value) in self._seen:
            return True
        self._seen.add(id(value))
        return False
