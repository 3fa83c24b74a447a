"""Looking at classes and kinds without asking them: a metaclass may override every question.

`isinstance` reads `__class__`, `in` compares classes with `==`, and both can be
code of the class. What is here reads Python's own slots.
"""

from __future__ import annotations

from typing import Any

mro_of: Any = vars(type)["__mro__"].__get__
vars_of: Any = vars(type)["__dict__"].__get__
_module_of: Any = vars(type)["__module__"].__get__
_qualname_of: Any = vars(type)["__qualname__"].__get__


def inherits(cls: type, base: type) -> bool:
    """Say whether `cls` is `base` or made from it."""
    return any(owner is base for owner in mro_of(cls))


def is_a(value: Any, *bases: type) -> bool:
    """Say whether the true class of `value` is, or is made from, one of `bases`."""
    return any(inherits(type(value), base) for base in bases)


def is_of(value: Any, *kinds: type) -> bool:
    """Say whether the true class of `value` is exactly one of `kinds`."""
    return any(type(value) is kind for kind in kinds)


def is_class(value: Any) -> bool:
    """Say whether a value is a class."""
    return inherits(type(value), type)


def module_of(cls: type) -> str:
    """Return the name of the module that says it defines `cls`."""
    found = _module_of(cls)
    return found if type(found) is str else ""


def name_of(cls: type) -> str:
    """Return the qualified name of `cls`."""
    return str(_qualname_of(cls))
