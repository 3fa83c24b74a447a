"""What took the place of what, after modules were loaded anew.

IPython patches functions and classes of before in place. Three things it leaves
are put right here: a class of before is not the one that new instances have, so
`isinstance` and `super(Net, self)` fail with it; classes derived from it keep it as
their base; and a function wrapped by a decorator cannot be patched at all.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, MutableMapping
from types import FunctionType, ModuleType
from typing import Any


class Successors:
    """Collects pairs of old and new over one round of reloading."""

    def __init__(self) -> None:
        self._pairs: dict[int, tuple[Any, Any]] = {}  # the old ones live as long as this does
        self._before: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]] = {}

    def remember(self, module: ModuleType) -> dict[str, Any]:
        """Note, and return, what a module holds before it is loaded anew."""
        before = dict(module.__dict__)
        # of classes too: once IPython has patched one of before, it holds the new members
        members = {name: _members(value) for name, value in before.items()}
        self._before[module.__name__] = before, members
        return before

    def compare(self, module: ModuleType) -> None:
        """Pair what a module holds now with what was remembered, name by name."""
        before, members = self._before.pop(module.__name__)
        for name, old in before.items():
            new = module.__dict__.get(name)
            if new is None or new is old or module_of(old) != module.__name__:
                continue
            if isinstance(old, type) and isinstance(new, type):
                self._pair(old, new)
                now = _members(new)
                for key, member in members[name].items():
                    if key in now:
                        self._pair(member, now[key])
            elif _is_wrapper(old) and callable(new):
                self._pair(old, new)

    def is_old(self, value: object) -> bool:
        """Say whether a value has a successor, or is an instance of a class that has."""
        return id(value) in self._pairs or id(type(value)) in self._pairs

    def rebind(self, namespaces: Iterable[MutableMapping[str, Any]]) -> None:
        """Let the names that hold something old hold what took its place."""
        for names in namespaces if self._pairs else ():
            for name, value in list(names.items()):
                pair = self._pairs.get(id(value))
                if pair is not None:
                    names[name] = pair[1]

    def rebase(self) -> list[tuple[str, str]]:
        """Derive from the new classes what was derived from old ones; return what could not be."""
        stuck = []
        for old, new in list(self._pairs.values()):
            derived: list[type] = type.__subclasses__(old) if isinstance(old, type) else []
            for cls in derived:
                if id(cls) in self._pairs or cls is new:
                    continue
                try:
                    cls.__bases__ = tuple(self._newest(base) for base in cls.__bases__)
                except TypeError as error:
                    stuck.append((cls.__qualname__, str(error)))
        return stuck

    def _pair(self, old: Any, new: Any) -> None:
        self._pairs[id(old)] = (old, new)

    def _newest(self, cls: type) -> Any:
        return self._pairs.get(id(cls), (None, cls))[1]


def module_of(value: object) -> Any:
    """Return the module that a value says it is of; None if it cannot say."""
    try:
        return value.__module__
    except Exception:  # whatever a class of the user's answers instead
        return None


def _members(value: object) -> dict[str, Any]:
    """Return the members of an enumeration by name; of anything else nothing."""
    return dict(value.__members__) if isinstance(value, enum.EnumMeta) else {}


def _is_wrapper(value: object) -> bool:
    """Say whether a value is a function that IPython's patching cannot make new."""
    if isinstance(value, FunctionType):
        return value.__closure__ is not None
    return callable(value) and not isinstance(value, type) and "__wrapped__" in dir(value)
