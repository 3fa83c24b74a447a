"""Code objects addressed by the text they were compiled from, so that only text has to travel.

Bytecode never crosses a minor version of Python: it crashes the interpreter.
"""

from __future__ import annotations
import __future__ as futures

import ast
import dis
import linecache
import sys
import types
from dataclasses import dataclass
from functools import lru_cache

from blake3 import blake3

from jupyter_remote_gpu.protocol.state import Cell

FUTURE_FLAGS = 0
for _feature in futures.all_feature_names:
    FUTURE_FLAGS |= getattr(futures, _feature).compiler_flag
_GLOBAL_OPERATIONS = frozenset({"LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a code object comes from: the `nth` of that name on that line of the text `ident`."""

    ident: str
    flags: int
    name: str
    line: int
    nth: int


def ident_of(source: str) -> str:
    """Return the name of a cell's text; white space at its end does not matter."""
    return blake3(source.rstrip().encode("utf-8", "surrogatepass")).hexdigest(length=16)


def source_of(code: types.CodeType) -> str | None:
    """Return the text that `code` was compiled from, if linecache holds it."""
    entry = linecache.cache.get(code.co_filename)
    return "".join(entry[2]) if entry is not None and len(entry) == 4 else None


def address_of(code: types.CodeType, ident: str, source: str) -> Address | None:
    """Find `code` in what `source` compiles to; None if it was not made from that text."""
    flags = code.co_flags & FUTURE_FLAGS
    key = (code.co_name, code.co_firstlineno)
    for apart in (False, True):
        try:
            found = _index(source, flags, apart=apart).get(key, ())
        except (SyntaxError, ValueError):
            return None
        for nth, candidate in enumerate(found):
            if _alike(candidate, code):
                return Address(ident, flags, code.co_name, code.co_firstlineno, nth)
    return None


def code_at(address: Address, cell: Cell) -> types.CodeType:
    """Return the code object at `address` in the text of `cell`; `LookupError` if not there."""
    found = _index(cell.source, address.flags, cell.filename)
    show(cell)
    return found[address.name, address.line][address.nth]


def show(cell: Cell) -> None:
    """Let tracebacks and `inspect` find the text of `cell`."""
    entry = linecache.cache.get(cell.filename)
    if cell.filename and (entry is None or len(entry) != 4 or "".join(entry[2]) != cell.source):
        lines = cell.source.splitlines(keepends=True)
        linecache.cache[cell.filename] = (len(cell.source), None, lines, cell.filename)


@lru_cache(maxsize=512)
def _index(
    source: str, flags: int, filename: str = "<cell>", *, apart: bool = False
) -> dict[tuple[str, int], tuple[types.CodeType, ...]]:
    """Compile a text and list its nested code objects by (name, first line), in order.

    With `apart` each statement by itself, as IPython does: a function that uses a
    module comes out differently where the compiler does not see it imported.
    """
    options = flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    parts: list[str | ast.Module] = [source]
    if apart:
        tree = compile(source, filename, "exec", options | ast.PyCF_ONLY_AST, dont_inherit=True)
        parts = [ast.Module([statement], type_ignores=[]) for statement in tree.body]
    roots = [compile(p, filename, "exec", flags=options, dont_inherit=True) for p in parts]
    index: dict[tuple[str, int], tuple[types.CodeType, ...]] = {}
    stack = [[code for root in roots for code in _inside(root)]]
    while stack:
        inner = stack.pop()
        for code in inner:
            key = (code.co_name, code.co_firstlineno)
            index[key] = (*index.get(key, ()), code)
        stack.extend(_inside(code) for code in reversed(inner))
    return index


def _inside(code: types.CodeType) -> list[types.CodeType]:
    return [c for c in code.co_consts if isinstance(c, types.CodeType)]


def _alike(one: types.CodeType, other: types.CodeType) -> bool:
    """Compare what compiling the same text gives, positions included where Python has them."""
    if one.co_code != other.co_code or one.co_names != other.co_names:
        return False
    if one.co_freevars != other.co_freevars or one.co_varnames != other.co_varnames:
        return False
    if _plain_constants(one) != _plain_constants(other):
        return False
    if sys.version_info < (3, 11):  # twins on one line cannot be told apart there: any will do
        return True
    return list(one.co_positions()) == list(other.co_positions())


def _plain_constants(code: types.CodeType) -> list[tuple[type, str]]:
    """Return the constants of a code object, nested code left out, exact types kept."""
    return [(type(c), repr(c)) for c in code.co_consts if not isinstance(c, types.CodeType)]


@lru_cache(maxsize=8192)
def global_names(code: types.CodeType) -> frozenset[str]:
    """Return the global names that `code` and the code inside it use."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in _GLOBAL_OPERATIONS}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= global_names(constant)
    return frozenset(names)
