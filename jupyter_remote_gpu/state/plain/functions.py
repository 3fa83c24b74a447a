"""Functions, methods, closures and partials: code by the place it was typed at, plus its data.

The text is always one this notebook knows. A library's function comes back only
if it is on the list; whatever else is callable stays where it is.
"""

from __future__ import annotations

import functools
import types
from typing import Any

from jupyter_remote_gpu.state.code import FUTURE_FLAGS, Address, code_at
from jupyter_remote_gpu.state.namespace import is_hidden

from .classes import project_module, typed_class
from .limits import must, refuse
from .listed import function_name, listed_function
from .looking import is_class, vars_of
from .parts import Adapter, Arriving, Parts, Surroundings, parts_of, text, whole

_EMPTY = "empty cell"
_OPTIMIZED = 1  # what functions are and bodies of classes are not
_DATA = ("__name__", "__qualname__", "__module__", "__doc__")
_METHODS: dict[Any, str] = {
    list: "append extend insert pop remove index count clear sort reverse",
    dict: "get pop setdefault update keys values items clear",
    set: "add discard remove update pop clear",
    str: "join split strip lower upper format startswith endswith replace",
}


def take_function(function: Any, around: Surroundings) -> Parts:
    """Refer to a function of the notebook, the project or the list."""
    definition = around.cells.definition(function)
    if definition is not None:
        return Parts("function made", (definition.serial, definition.name))
    if type(function) is not types.FunctionType:
        return _listed(function)
    if function.__globals__ is around.namespace:
        owner, name = _owner(function, around)
        if owner is not None:
            return Parts("function of a class", (owner, name))
        if around.get(function.__qualname__) is function and id(function) not in around.defining:
            return Parts("function named", (function.__qualname__,))
        return _whole(function, around)
    module, name = str(function.__module__), str(function.__name__)
    contents = project_module(around, module)
    if contents is not None and contents.get(name) is function:
        return Parts("function of the project", (module, name))
    return _listed(function)


def _listed(function: Any) -> Parts:
    found = function_name(function)
    if found is None:
        name = getattr(function, "__qualname__", type(function).__qualname__)
        refuse(
            f"the function {name} was not typed in this notebook, and a machine that is not "
            f"trusted may not name what runs here"
        )
    return Parts("function listed", found)


def _owner(function: Any, around: Surroundings) -> tuple[Any, str]:
    """Return the class of the notebook that a function is a method of, and its name there."""
    root, *path = function.__qualname__.split(".")
    found = around.get(root)
    for part in path[:-1]:
        found = vars_of(found).get(part) if is_class(found) else None
    if path and is_class(found) and vars_of(found).get(path[-1]) is function:
        return found, path[-1]
    return None, ""


def _whole(function: types.FunctionType, around: Surroundings) -> Parts:
    address = around.cells.address(function.__code__)
    if address is None:
        refuse(
            f"the function {function.__name__} was not typed in a cell of this notebook, and code "
            f"never comes back from a machine"
        )
    place = (address.ident, address.flags, address.name, address.line, address.nth)
    defaults = (function.__defaults__, function.__kwdefaults__)
    names = tuple(getattr(function, name) for name in _DATA)
    return Parts(
        "function",
        (*place, *(function.__closure__ or ())),
        (*names, *defaults, _annotations(function), dict(function.__dict__)),
    )


def _annotations(function: types.FunctionType) -> dict[str, Any]:
    """Return the annotations that are texts or built-in classes; others cannot come back."""
    known = (str, int, float, bool, bytes, list, tuple, dict, set, frozenset, object)
    return {
        name: value
        for name, value in function.__annotations__.items()
        if value is None or type(value) is str or any(value is kind for kind in known)
    }


def take_cell(cell: types.CellType) -> Parts:
    """Take the variable of a closure apart."""
    try:
        return Parts("cell", (), (cell.cell_contents,))
    except ValueError:  # not filled yet: it stays empty
        return Parts("cell", (), (_EMPTY, 0))


def take_method(method: types.MethodType) -> Parts:
    """Take a bound method apart."""
    return Parts("method", (method.__func__, method.__self__))


def take_builtin(function: Any, around: Surroundings) -> Parts:
    """Take a built-in function or a bound method of a built-in container apart."""
    owner = function.__self__
    if owner is not None and function.__name__ in _METHODS.get(type(owner), "").split():
        return Parts("built-in method", (owner, function.__name__))
    return take_function(function, around)


def take_partial(partial: Any) -> Parts:
    """Take a `functools.partial` apart."""
    if partial.__dict__:
        refuse("a partial with attributes of its own is not plain data")
    keywords = [part for pair in partial.keywords.items() for part in pair]
    return Parts("partial", (partial.func, len(partial.args), *partial.args, *keywords))


def _make_made(at: Arriving, parts: list[Any]) -> Any:
    serial, _ = (text(part) for part in parts_of(parts, 2))
    found = at.around.cells.object(serial)
    must(found is not None and not is_class(found), "a function was defined in this notebook")
    return found


def _make_named(at: Arriving, parts: list[Any]) -> Any:
    (name,) = (text(part) for part in parts_of(parts, 1))
    found = None if is_hidden(name) else at.around.get(name)
    must(_own(at, found), "a function that is named was typed in this notebook")
    return found


def _own(at: Arriving, function: Any) -> bool:
    return type(function) is types.FunctionType and function.__globals__ is at.around.namespace


def _make_member(at: Arriving, parts: list[Any]) -> Any:
    owner, name = parts_of(parts, 2)
    must(typed_class(owner, at.around), "a method belongs to a class of this notebook")
    found = vars_of(owner).get(text(name))
    must(_own(at, found), "a method was typed in this notebook")
    return found


def _make_project(at: Arriving, parts: list[Any]) -> Any:
    module, name = (text(part) for part in parts_of(parts, 2))
    found = (project_module(at.around, module) or {}).get(name)
    own = type(found) is types.FunctionType and found.__module__ == module
    must(own, "a function is one of an imported module of the project")
    return found


def _make_listed(at: Arriving, parts: list[Any]) -> Any:
    module, name = (text(part) for part in parts_of(parts, 2))
    found = listed_function(module, name)
    must(found is not None, f"the function {name!r:.80} is on the list of those that may come back")
    return found


def _make_function(at: Arriving, parts: list[Any]) -> types.FunctionType:
    ident, flags, name, line, nth, *cells = parts
    typed = at.around.cells.text(text(ident))
    if typed is None:
        must(False, "a function was typed in this notebook")
        raise AssertionError
    numbers = [whole(number, 0, 1 << 31) for number in (flags, line, nth)]
    must(not numbers[0] & ~FUTURE_FLAGS, "only __future__ flags go with a function")
    must(text(name)[:1] != "<" or name == "<lambda>", "only functions come back, no other code")
    try:
        code = code_at(Address(ident, numbers[0], name, numbers[1], numbers[2]), typed)
    except (LookupError, SyntaxError, ValueError):
        must(False, "a function stands where its address says")
    must(bool(code.co_flags & _OPTIMIZED), "only functions come back, no other code")
    must(all(type(cell) is types.CellType for cell in cells), "closures are made of cells")
    must(len(cells) == len(code.co_freevars), "a closure has the variables of its code")
    closure = tuple(cells) or None
    return types.FunctionType(code, at.around.namespace, code.co_name, None, closure)


def _fill_function(at: Arriving, function: Any, parts: list[Any]) -> None:
    name, qualname, module, doc, defaults, keywords, annotations, attributes = parts_of(parts, 8)
    function.__name__, function.__qualname__ = text(name), text(qualname)
    function.__module__ = None if module is None else text(module)
    function.__doc__ = doc
    must(defaults is None or type(defaults) is tuple, "defaults are a tuple")
    must(keywords is None or type(keywords) is dict, "keyword defaults are a dictionary")
    function.__defaults__, function.__kwdefaults__ = defaults, keywords
    for table in (annotations, attributes):
        must(type(table) is dict and all(type(k) is str for k in table), "attributes have names")
    must(
        all(k[:2] != "__" or k == "__wrapped__" for k in attributes), "attributes have plain names"
    )
    function.__annotations__ = annotations
    function.__dict__.update(attributes)


def _make_cell(at: Arriving, parts: list[Any]) -> types.CellType:
    parts_of(parts, 0)
    return types.CellType()


def _fill_cell(at: Arriving, cell: Any, parts: list[Any]) -> None:
    if len(parts) == 1:
        cell.cell_contents = parts[0]


def _make_method(at: Arriving, parts: list[Any]) -> types.MethodType:
    function, owner = parts_of(parts, 2)
    typed = type(function) is types.FunctionType and function.__code__.co_flags & _OPTIMIZED
    must(bool(typed) and owner is not None, "a method is a function and its object")
    return types.MethodType(function, owner)


def _make_builtin_method(at: Arriving, parts: list[Any]) -> Any:
    owner, name = parts_of(parts, 2)
    kind = next((k for k in _METHODS if type(owner) is k), None)
    if kind is None or text(name) not in _METHODS[kind].split():
        must(False, "a built-in method is one of a list, dictionary, set or text")
    return vars_of(kind)[name].__get__(owner)


def _make_partial(at: Arriving, parts: list[Any]) -> Any:
    function, count, *rest = parts
    count = whole(count, 0, len(rest))
    must(type(function) is not functools.partial, "a partial is not made of a partial")
    must(callable(function), "a partial is made of a function")
    names = rest[count::2]
    must(all(type(name) is str for name in names), "keywords are names")
    keywords = dict(zip(names, rest[count + 1 :: 2], strict=True))
    return functools.partial(function, *rest[:count], **keywords)


ADAPTERS = {
    "function": Adapter(_make_function, _fill_function),
    "function made": Adapter(_make_made),
    "function named": Adapter(_make_named),
    "function of a class": Adapter(_make_member),
    "function of the project": Adapter(_make_project),
    "function listed": Adapter(_make_listed),
    "cell": Adapter(_make_cell, _fill_cell),
    "method": Adapter(_make_method),
    "built-in method": Adapter(_make_builtin_method),
    "partial": Adapter(_make_partial),
}
