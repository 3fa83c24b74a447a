"""The texts of cells and what they defined: classes and decorated functions, by execution.

Every definition was typed in a cell, so both sides can make it from its text;
a `serial` names one execution of one such statement.
"""

from __future__ import annotations

import ast
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jupyter_remote_gpu.protocol.state import Cell, Definition

from .analysis import footprint
from .code import FUTURE_FLAGS, Address, address_of, ident_of, show, source_of
from .namespace import is_simple

_STATEMENTS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a cell that binds `name` to a class or function; `reads` when it runs.

    `last` says that nothing below it in the cell's text binds the name again.
    """

    name: str
    line: int
    node: ast.stmt
    reads: frozenset[str]
    last: bool


class Cells:
    """All texts one side knows, and which live objects were made by which statement."""

    def __init__(self) -> None:
        self._by_number: dict[int, Cell] = {}
        self._by_ident: dict[str, Cell] = {}
        self._by_file: dict[str, Cell] = {}
        self._made: dict[int, tuple[Callable[[], Any], Definition]] = {}
        self._objects: dict[str, Callable[[], Any]] = {}

    def add(self, cell: Cell) -> None:
        """Remember the text of a cell."""
        self._by_number[cell.number] = cell
        self._by_ident[cell.ident] = cell
        if cell.filename:
            self._by_file[cell.filename] = cell

    def cell(self, number: int) -> Cell | None:
        """Return the cell of that number, if its text is known here."""
        return self._by_number.get(number)

    def sources(self) -> list[str]:
        """Return all texts known here, the newest first."""
        return [cell.source for cell in reversed(self._by_number.values())]

    def text(self, ident: str) -> Cell | None:
        """Return a cell with the text called `ident`."""
        return self._by_ident.get(ident)

    def address(self, code: types.CodeType) -> Address | None:
        """Find the text that `code` was compiled from among the known ones."""
        cell = self._by_file.get(code.co_filename)
        if cell is not None:
            found = address_of(code, cell.ident, cell.source)
            if found is not None:
                return found
        source = source_of(code)
        if source is None or ident_of(source) not in self._by_ident:
            return None
        return address_of(code, ident_of(source), self._by_ident[ident_of(source)].source)

    def note(self, cell: Cell, changed: dict[str, Any], namespace: dict[str, Any]) -> None:
        """After `cell` ran and bound the names of `changed`: note what its statements made."""
        if not any(_is_made(value, namespace) for value in changed.values()):
            return
        written = statements(cell.source)
        for index in range(len(written) - 1, -1, -1):  # the last of a name made what it holds
            value = changed.get(written[index].name)
            if value is not None and _is_made(value, namespace, written[index]):
                self._claim(value, cell, written, index)

    def _claim(
        self, value: Any, cell: Cell, written: tuple[Statement, ...], index: int
    ) -> Definition:
        """Note that a statement of `cell` made `value`, and which bases it was made from."""
        known = self.definition(value)
        if known is not None:
            return known
        statement = written[index]
        uses = []
        for base in value.__bases__ if isinstance(value, type) else ():
            if base.__module__ != value.__module__:
                continue
            found = self.definition(base)
            if found is None:  # made and replaced within this cell
                above = [i for i in range(index) if written[i].name == base.__name__]
                found = self._claim(base, cell, written, above[-1]) if above else None
            if found is not None and found.name in statement.reads:
                uses.append((found.name, found.serial))
        serial = f"{cell.number}:{statement.line}"
        definition = Definition(statement.name, serial, cell.number, uses=tuple(uses))
        self.made(value, definition)
        return definition

    def adopt(self, values: dict[str, Any], namespace: dict[str, Any]) -> None:
        """Find the statements of values that were made before anyone took note of it."""
        for name, value in values.items():
            if id(value) in self._made or not _is_made(value, namespace):
                continue
            if getattr(value, "__name__", None) != name:
                continue
            for cell in reversed(self._by_number.values()):
                written = statements(cell.source)
                found = [i for i, s in enumerate(written) if s.name == name]
                if found and _is_made(value, namespace, written[found[-1]]):
                    self._claim(value, cell, written, found[-1])
                    break

    def made(self, value: Any, definition: Definition) -> None:
        """Note that `value` was made by `definition`."""
        self._forget_dead()
        try:
            reference: Callable[[], Any] = weakref.ref(value)
        except TypeError:  # an object without weak references is kept for good
            reference = _strong(value)
        self._made[id(value)] = (reference, definition)
        self._objects[definition.serial] = reference

    def definition(self, value: Any) -> Definition | None:
        """Return the definition that made this very object."""
        entry = self._made.get(id(value))
        return entry[1] if entry is not None and entry[0]() is value else None

    def used(self, definition: Definition) -> list[Definition]:
        """Return the definitions of the bases of `definition`, those made first coming first."""
        found: dict[str, Definition] = {}
        for _, serial in definition.uses:
            base = self.definition(self.object(serial))
            if base is not None:
                found.update({d.serial: d for d in (*self.used(base), base)})
        return list(found.values())

    def __contains__(self, key: int) -> bool:
        """Say whether the object with this id may have been made by a definition."""
        return key in self._made

    def made_names(self, values: dict[str, Any]) -> list[str]:
        """Return those names whose value was made by a definition."""
        return [name for name, value in values.items() if id(value) in self._made]

    def object(self, serial: str) -> Any:
        """Return what the definition `serial` made here, or None."""
        reference = self._objects.get(serial)
        return reference() if reference is not None else None

    def reads(self, definition: Definition) -> frozenset[str]:
        """Return the names that running the definition's statement reads."""
        statement = self._statement(definition)
        return statement.reads if statement is not None else frozenset()

    def run(self, definition: Definition, namespace: dict[str, Any]) -> Any:
        """Run the one statement of `definition` in `namespace`; return what it made.

        Raises `LookupError` if its text is not known here, and whatever the
        statement raises. A definition that is not bound leaves its name alone.
        """
        statement = self._statement(definition)
        if statement is None:
            raise LookupError(f"the text that defines {definition.name} is not known here")
        cell = self._by_number[definition.cell]
        show(cell)
        filename = cell.filename or f"<cell {cell.number}>"
        code = compile(
            ast.Module([statement.node], type_ignores=[]),
            filename,
            "exec",
            flags=_future_flags(cell.source),
            dont_inherit=True,
        )
        bases = {name: self.object(serial) for name, serial in definition.uses}
        bases = {n: b for n, b in bases.items() if getattr(b, "__name__", None) == n}
        lent = {*bases, definition.name}
        before = {name: namespace[name] for name in lent if name in namespace}
        namespace.update(bases)
        try:
            exec(code, namespace)  # the user's own statement, typed in the user's notebook
            value = namespace[definition.name]
        finally:
            for name in lent:
                namespace.pop(name, None)
            namespace.update(before)
        if definition.bound:
            namespace[definition.name] = value
        self.made(value, definition)
        return value

    def _statement(self, definition: Definition) -> Statement | None:
        cell = self._by_number.get(definition.cell)
        if cell is None:
            return None
        line = int(definition.serial.partition(":")[2])
        found = (s for s in statements(cell.source) if s.line == line)
        return next((s for s in found if s.name == definition.name), None)

    def _forget_dead(self) -> None:
        dead = [key for key, (reference, _) in self._made.items() if reference() is None]
        for key in dead:
            del self._made[key]


@lru_cache(maxsize=512)
def statements(source: str) -> tuple[Statement, ...]:
    """Return the top-level statements of a text that may make classes or functions."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return ()
    found = []
    below: set[str] = set()
    for node in reversed(body):
        text = footprint(ast.Module([node], type_ignores=[]))
        name = getattr(node, "name", None) if isinstance(node, _STATEMENTS) else _assigned(node)
        if name is not None:
            found.append(Statement(name, node.lineno, node, text.reads, name not in below))
        below |= text.binds
    return tuple(reversed(found))


def _assigned(node: ast.stmt) -> str | None:
    """Return X of a statement `X = namedtuple(...)` and the like."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1:
        target = node.targets[0]
        return target.id if isinstance(target, ast.Name) else None
    return None


def _is_made(value: Any, namespace: dict[str, Any], by: Statement | None = None) -> bool:
    """Say whether a value can only be had by running its statement again.

    Plain functions of the notebook are not: they travel as code and data.
    """
    own = namespace.get("__name__", "__main__")
    if isinstance(value, type):
        return value.__module__ == own and "<locals>" not in value.__qualname__
    if isinstance(value, types.FunctionType) and value.__globals__ is namespace:
        return False
    if by is None:
        return callable(value)
    if isinstance(by.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        # without a decorator it made a plain function, and the name was bound anew since
        return by.last and bool(by.node.decorator_list) and not is_simple(value)
    return type(value).__module__ == "typing" and hasattr(value, "__supertype__")


def _future_flags(source: str) -> int:
    """Return the compiler flags of the `__future__` imports of a text."""
    code: types.CodeType = compile(
        source, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    return int(code.co_flags & FUTURE_FLAGS)


def _strong(value: Any) -> Callable[[], Any]:
    return lambda: value
