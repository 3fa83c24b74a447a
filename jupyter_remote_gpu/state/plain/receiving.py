"""Rebuilding what a machine sent that is not trusted: plain data, under the names it came for."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jupyter_remote_gpu.errors import CannotTravelError
from jupyter_remote_gpu.protocol.state import Definition, Parcel
from jupyter_remote_gpu.state.cells import Cells, statements
from jupyter_remote_gpu.state.namespace import Rebinding
from jupyter_remote_gpu.state.rebuilding import Overlays, Rebuild, define

from .classes import typed_class
from .decoder import decode
from .limits import must, words
from .looking import is_class
from .parts import Surroundings

if TYPE_CHECKING:
    from jupyter_remote_gpu.state.half import Half

_FACTORIES = words(
    "namedtuple NamedTuple TypedDict NewType TypeVar ParamSpec Enum IntEnum Flag IntFlag "
    "StrEnum make_dataclass new_class"
)
"""Calls whose statement `X = call(…)` makes a class and may run again here."""


def _values(
    half: Half, parcel: Parcel, buffers: Sequence[Any], bound: Rebinding
) -> tuple[dict[str, Any], Overlays]:
    """Rebuild plain data; see `rebuilding.Rebuild`.

    Raises `CannotTravelError` or `ProtocolError`. Runs no code but statements
    that define classes and functions, which were typed in this notebook.
    """
    values = _define(half, parcel, bound)
    found = decode(memoryview(buffers[0]), buffers[1:], around(half))
    must(type(found.value) is tuple and len(found.value) == 2, "a component has names and classes")
    plain, overlays = found.value
    must(type(plain) is dict and type(overlays) is dict, "a component has names and classes")
    must(all(type(name) is str for name in plain), "names are texts")
    must(set(plain) | set(values) == set(parcel.names), "a component has the names it says")
    must(plain.keys().isdisjoint(values), "a name is data or defined, not both")
    for name, value in plain.items():
        bound.bind(name, value)
    owners = {d.serial: half.cells.object(d.serial) for d in parcel.definitions}
    owners.update(values)
    data = [(_class(half, owners, n), _class_data(d)) for n, d in overlays.items()]
    values.update(plain)
    if found.hooked:
        half.coded.add(parcel.token)
    return values, data


def _define(half: Half, parcel: Parcel, bound: Rebinding) -> dict[str, Any]:
    """Run the definitions of a parcel if each is a statement that was typed to define something."""
    for definition in parcel.definitions:
        _check(half.cells, definition, parcel)
    return define(half, parcel, bound)


FROM_PLAIN = Rebuild(_define, _values)
"""The way of a home that does not trust its machine."""


def around(half: Half, defining: frozenset[int] = frozenset()) -> Surroundings:
    """Return what the codec knows of one end."""
    return Surroundings(half.namespace, half.cells, half.side.get, defining, half.folder)


def _check(cells: Cells, definition: Definition, parcel: Parcel) -> None:
    """Refuse to run anything but the typed statement of a class or function."""
    number, _, line = definition.serial.partition(":")
    own = number == str(definition.cell) and line.isdecimal() and len(line) < 10
    must(own, "a definition names its statement")
    must(not definition.bound or definition.name in parcel.names, "a definition is of its names")
    cell = cells.cell(definition.cell)
    if cell is None:
        raise CannotTravelError(
            f"the text that defines {definition.name} is not known here",
            hint="Run the cell that defines it again.",
        )
    found = [s for s in statements(cell.source) if (s.line, s.name) == (int(line), definition.name)]
    must(bool(found) and _defines(found[0].node), "only classes and functions are defined")


def _defines(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    called = node.value.func if isinstance(node.value, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in _FACTORIES


def _class(half: Half, values: dict[str, Any], name: Any) -> type:
    cls = values.get(name) if type(name) is str else None
    own = is_class(cls) and typed_class(cls, around(half))
    must(own, "only classes that were defined with it have data")
    return cls  # type: ignore[return-value]


def _class_data(data: Any) -> dict[str, Any]:
    must(type(data) is dict, "the data of a class is a dictionary")
    plain = all(type(n) is str and n.isidentifier() and n[:2] != "__" for n in data)
    must(plain, "the data of a class has plain names")
    return data  # type: ignore[no-any-return]
