"""References to classes: those typed in this notebook, the project's own, and listed ones.

Classes are looked at without running anything of theirs: a metaclass may
override every ordinary way to ask.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Mapping
from typing import Any

from jupyter_remote_gpu.state.kinds import pinned_reason
from jupyter_remote_gpu.state.namespace import is_hidden
from jupyter_remote_gpu.state.placeholders import Placeholder

from .limits import must, refuse
from .listed import class_listed, listed_class, listed_enum
from .looking import inherits, is_class, module_of, name_of, vars_of
from .parts import Adapter, Arriving, Parts, Surroundings, text

_BUILTINS = {
    c.__name__: c
    for c in (
        *(object, type, int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set),
        *(frozenset, range, slice, type(None), type(...), BaseException),
    )
}
_MAX_PATH = 10


def take_class(cls: type, around: Surroundings) -> Parts:
    """Refer to a class; raises `CannotTravelError` if it may not come back."""
    definition = around.cells.definition(cls)
    if definition is not None:
        return Parts("class made", (definition.serial, definition.name))
    name, module = cls.__qualname__, cls.__module__
    if module == around.module:
        root, *path = name.split(".")
        owner = around.cells.definition(around.get(root))
        if _walk(around.get(root), path) is not cls:
            refuse(f"the class {name} was not made by a statement of a cell")
        if owner is not None:
            return Parts("class made", (owner.serial, owner.name, *path))
        return Parts("class named", (root, *path))
    if _BUILTINS.get(cls.__name__) is cls or _builtin_error(name) is cls:
        return Parts("class listed", ("builtins", cls.__name__))
    if (class_listed(module, name) and listed_class(module, name) is cls) or listed_enum(
        module, name
    ) is cls:
        return Parts("class listed", (module, name))
    if _project_attribute(around, module, name) is cls:
        return Parts("class of the project", (module, name))
    refuse(pinned_reason(cls) or stays_reason(cls))


def stays_reason(cls: type) -> str:
    """Say why an instance of a library's class does not come from an untrusted machine."""
    return (
        f"a {module_of(cls)}.{name_of(cls)} is rebuilt by its library's own code, which does not "
        f"run for data of a machine that is not trusted (make plain data of it there, or mark the "
        f"machine as trusted)"
    )


def typed_class(cls: Any, around: Surroundings) -> bool:
    """Say whether `cls` is a class of the notebook."""
    return is_class(cls) and module_of(cls) == around.module


def _make_made(at: Arriving, parts: list[Any]) -> type:
    serial, _, *path = [text(part) for part in parts]
    return _typed(at, at.around.cells.object(serial), path)


def _make_named(at: Arriving, parts: list[Any]) -> type:
    root, *path = [text(part) for part in parts]
    must(not is_hidden(root), "a class has a name of the user's")
    found = at.around.get(root)
    must(type(found) is not Placeholder, "a class that is named has arrived")
    return _typed(at, found, path)


def _typed(at: Arriving, found: Any, path: list[str]) -> type:
    must(len(path) <= _MAX_PATH, "a class has a short path")
    cls = _walk(found, path)
    if cls is None or not typed_class(cls, at.around):
        must(False, "a class was defined in this notebook")
    return cls  # type: ignore[no-any-return]


def _walk(found: Any, path: list[str]) -> Any:
    """Follow `path` from class to class; None as soon as something else is met."""
    for part in path:
        found = vars_of(found).get(part) if is_class(found) else None
    return found if is_class(found) else None


def _make_listed(at: Arriving, parts: list[Any]) -> type:
    module, name = (text(part) for part in parts)
    found: type | None = None
    if module == "builtins":
        found = _BUILTINS.get(name) or _builtin_error(name)
    else:
        found = listed_class(module, name) or listed_enum(module, name)
    if found is None:
        must(False, f"the class {name!r:.80} is on the list of those that may come back")
    return found  # type: ignore[return-value]


def _make_project(at: Arriving, parts: list[Any]) -> type:
    module, name = (text(part) for part in parts)
    found = _project_attribute(at.around, module, name)
    must(is_class(found), f"the class {name!r:.80} is one of an imported module of the project")
    return found  # type: ignore[no-any-return]


def project_module(around: Surroundings, module: str) -> Mapping[str, Any] | None:
    """Return the contents of an imported module whose file lies in the project, else None."""
    loaded = sys.modules.get(module)
    if type(loaded) is not types.ModuleType or module == around.module:
        return None
    file = vars(loaded).get("__file__")
    if type(file) is not str or not file.endswith(".py"):
        return None
    inside = os.path.relpath(os.path.realpath(file), os.path.realpath(around.folder))
    parts = inside.split(os.sep)
    foreign = {"site-packages", "dist-packages", ".venv", "venv", os.pardir}
    return None if foreign & set(parts) or os.path.isabs(inside) else vars(loaded)


def _project_attribute(around: Surroundings, module: str, name: str) -> Any:
    contents = project_module(around, module)
    if contents is None:
        return None
    root, *path = name.split(".")
    found = _walk(contents.get(root), path[:_MAX_PATH])
    own = found is not None and module_of(found) == module and name_of(found) == name
    return found if own else None


def _builtin_error(name: str) -> type | None:
    import builtins

    found = vars(builtins).get(name)
    if found is None or not is_class(found):
        return None
    return found if inherits(found, BaseException) else None


ADAPTERS = {
    "class made": Adapter(_make_made),
    "class named": Adapter(_make_named),
    "class listed": Adapter(_make_listed),
    "class of the project": Adapter(_make_project),
}
