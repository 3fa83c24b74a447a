"""Values as bytes: pickle 5 with notebook code by reference to its text and arrays out of band.

A `Side` is what one end knows: its namespace and its cells. `encode` needs the
sender's, `decode` the receiver's. Only text addresses of code are sent, except
outward between equal minor versions of Python, where bytecode is allowed.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import threading
import types
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
from cloudpickle import cloudpickle as _cloudpickle

from jupyter_remote_gpu.errors import CannotTravelError
from jupyter_remote_gpu.protocol.state import Blob, Definition

from .cells import Cells
from .code import Address, code_at
from .codecs.arrays import reduce_array, reduce_scalar, reduce_subclass
from .codecs.draws import reduce_draws
from .codecs.exceptions import reduce_exception
from .codecs.memory import Block, Memory, Spans
from .codecs.optimisers import reduce_optimiser
from .codecs.placed import name_of, path_in, placed
from .codecs.tensors import computed_tensor_over, reduce_tensor
from .codecs.views import reduce_view, stream, stream_name
from .kinds import pinned_reason
from .loaded import found_in_module, was_replaced
from .placeholders import Placeholder
from .plain.memories import Reductions

_MINOR = sys.version_info[:2]
_EMPTY = "empty cell"
_DEEP_STACK_BYTES = 512 << 20
_DEEP_LIMIT = 200_000
_MOVED = {"pathlib._local": "pathlib"}
"""Modules that one version of Python keeps public classes in, and where all versions have them."""
_FORBIDDEN = frozenset({("types", "CodeType"), ("marshal", "loads"), ("builtins", "compile")})


@dataclass(frozen=True, slots=True)
class Side:
    """What one end of the wire needs to pickle: `outward` is true at home."""

    namespace: dict[str, Any]
    cells: Cells
    outward: bool
    parked: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """Return what `name` stands for here: its value, or the one put aside."""
        value = self.namespace.get(name)
        return self.parked.get(name) if value is None or type(value) is Placeholder else value


@dataclass(slots=True)
class Encoded:
    """A pickled payload: `buffers` are live memory, kept alive by `kept`.

    `names` are referred to by name, `definitions` by serial, `cells` by number
    of the text: the receiver needs all of them first. `payload` is what was
    pickled, `reductions` and `blocks` how its arrays were taken apart and which
    buffer is whose: plain data is made over the same buffers. `detached` says
    that a tensor in it was computed, and its graph was left behind. `data` are the
    addresses of data in which it has paths.
    """

    head: bytes
    buffers: list[memoryview]
    names: set[str] = field(default_factory=set)
    definitions: dict[str, Definition] = field(default_factory=dict)
    cells: set[int] = field(default_factory=set)
    kept: list[Any] = field(default_factory=list)
    payload: Any = None
    reductions: Reductions = field(default_factory=dict)
    blocks: dict[int, int] = field(default_factory=dict)
    detached: bool = False
    data: set[str] = field(default_factory=set)


_receiving: ContextVar[Side] = ContextVar("receiving")


def encode(
    payload: Any,
    side: Side,
    defining: Sequence[Any] = (),
    early: dict[str, Any] | None = None,
) -> Encoded:
    """Pickle `payload` without copying arrays; functions of `defining` go by value.

    `early` are those values of it that its definitions read; `decode` with a
    `begin` needs it to be given, if only as an empty dictionary. Raises
    `CannotTravelError`, its message a reason to put after "because".
    """
    try:
        return _encode(payload, side, defining, early)
    except RecursionError:
        return _with_deep_stack(payload, side, defining, early)


def decode(
    head: Blob,
    buffers: Sequence[Any],
    side: Side,
    begin: Callable[[dict[str, Any]], None] | None = None,
) -> Any:
    """Rebuild a payload; arrays live in `buffers`, which should be writable.

    `begin` is called with the early values before anything else is rebuilt.
    Raises what rebuilding raises: missing modules, names and definitions included.
    """
    token = _receiving.set(side)
    try:
        # what arrives at home never contains code
        kind = _DataUnpickler if side.outward else pickle.Unpickler
        unpickler = kind(io.BytesIO(head), buffers=buffers)
        if begin is not None:
            begin(unpickler.load())
        return unpickler.load()
    finally:
        _receiving.reset(token)


def _encode(
    payload: Any, side: Side, defining: Sequence[Any], early: dict[str, Any] | None
) -> Encoded:
    shared: list[tuple[int, int]] = []
    for _ in range(2):
        stream = io.BytesIO()
        pickler = _Pickler(stream, side, defining, Spans(shared))
        try:
            if early is not None:
                pickler.dump(early)
            pickler.dump(payload)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, OSError) as error:
            if isinstance(error.__cause__, RecursionError):
                raise error.__cause__ from None
            raise CannotTravelError(str(error)) from error
        except (CannotTravelError, RecursionError):
            raise
        except Exception as error:  # whatever a method of the value's class raised
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise CannotTravelError(f"its class refused to be copied ({what})") from error
        found = pickler.spans.overlapping()
        if found == shared:
            break
        shared = found
    result = pickler.result
    result.head = stream.getvalue()
    result.kept = [pickler.spans.kept, payload]
    result.payload = payload
    return result


def _with_deep_stack(
    payload: Any, side: Side, defining: Sequence[Any], early: dict[str, Any] | None
) -> Encoded:
    """Pickle something deeply nested in a thread with a large stack."""
    outcome: list[Encoded | BaseException] = []

    def run() -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_DEEP_LIMIT)
        try:
            outcome.append(_encode(payload, side, defining, early))
        except BaseException as error:  # handed to the caller below
            outcome.append(error)
        finally:
            sys.setrecursionlimit(limit)

    before = threading.stack_size(_DEEP_STACK_BYTES)
    try:
        thread = threading.Thread(target=run, name="remote-gpu-deep-pickle")
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    (result,) = outcome
    if isinstance(result, RecursionError):
        raise CannotTravelError("its parts are nested too deeply to be copied") from result
    if isinstance(result, BaseException):
        raise result
    return result


class _OutOfBand:
    """Collects buffers. Apart from the pickler, so that no cycle keeps what it pickled alive."""

    def __init__(self, buffers: list[memoryview]) -> None:
        self.locked = False
        self._buffers = buffers

    def __call__(self, buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        self._buffers.append(view.toreadonly() if self.locked else view)
        return False


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, except for notebook code, arrays and tensors."""

    def __init__(
        self, stream: io.BytesIO, side: Side, defining: Sequence[Any], spans: Spans
    ) -> None:
        self.result = Encoded(b"", [])
        self._out_of_band = _OutOfBand(self.result.buffers)
        super().__init__(stream, protocol=5, buffer_callback=self._out_of_band)
        self.spans = spans
        self._side = side
        self._defining = {id(value) for value in defining}
        self._function_cells: set[int] = set()
        self._pinned: dict[type, str] = {}
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        self._array: Any = getattr(numpy, "ndarray", ())
        self._scalar: Any = getattr(numpy, "generic", ())
        optim = sys.modules.get("torch.optim")
        self._optimiser: Any = getattr(optim, "Optimizer", ())
        tensor = getattr(torch, "Tensor", None)
        self._tensors = (tensor, torch.nn.Parameter) if torch is not None and tensor else ()

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        reduced: Any = None
        reason = self._pinned.get(kind)
        if reason is None:
            reason = self._pinned[kind] = pinned_reason(kind)
        if reason and stream_name(obj):
            return stream, (stream_name(obj),)
        if (
            reason and self._side.cells.definition(obj) is None
        ):  # some of these can be pickled, into something that is not the same
            raise CannotTravelError(reason)
        if kind is Block:
            self._out_of_band.locked = obj.locked  # its buffer is the next thing the pickler meets
            self.result.blocks[id(obj)] = len(self.result.buffers)
            return Memory, (pickle.PickleBuffer(obj.memory),)
        if kind is types.FunctionType or isinstance(obj, type) or id(obj) in self._side.cells:
            reduced = self._code_user(obj, kind)
        elif kind is types.CodeType:
            return self._code(obj)
        elif kind is types.CellType:
            return self._cell(obj)
        elif kind is types.MethodType:
            reduced = _class_method(obj)
        elif kind is self._array:
            reduced = reduce_array(obj, self.spans)
            self.result.reductions[id(obj)] = obj, reduced
        elif isinstance(obj, self._array):
            reduced = reduce_subclass(obj, self.spans)
        elif kind in self._tensors:
            reduced = reduce_tensor(obj, self.spans)
            self.result.detached |= obj.grad_fn is not None
            self.result.reductions[id(obj)] = obj, reduced
            if reduced is not None and obj.grad_fn is not None:
                graph = type(obj.grad_fn).__name__
                reduced = (computed_tensor_over, (graph, *reduced[1]), *reduced[2:])
        elif isinstance(obj, self._scalar):
            reduced = reduce_scalar(obj)
        elif isinstance(obj, BaseException):
            reduced = reduce_exception(obj)
        elif isinstance(obj, self._optimiser):
            reduced = reduce_optimiser(obj)
        else:
            reduced = reduce_view(obj) or reduce_draws(obj) or self._in_data(obj)
        return super().reducer_override(obj) if reduced is None else reduced

    def _in_data(self, obj: Any) -> Any:
        """Reduce a path in placed data to their name; None for anything else."""
        name = name_of(obj)
        if name is None:
            return None
        self.result.data.add(name.text)
        return placed, (name.text, name.inside, path_in(obj))

    def _code_user(self, obj: Any, kind: type) -> Any:
        """Reduce a function, a class or whatever else a definition made; None: as usual."""
        definition = self._side.cells.definition(obj)
        if definition is not None:
            self._needs(definition)
            return made_by, (definition.serial, definition.name)
        public = _MOVED.get(obj.__module__) if isinstance(obj, type) else None
        if public is not None:
            return public_class, (public, obj.__qualname__)
        own = kind is types.FunctionType and obj.__globals__ is self._side.namespace
        if not own and not (
            isinstance(obj, type) and obj.__module__ == self._side.namespace.get("__name__")
        ):
            place = (obj.__module__, obj.__qualname__)
            return (of_module, place) if was_replaced(obj) else None
        if id(obj) not in self._defining and self._is_named(obj):
            return self._named(obj)
        if own:
            return self._function(obj)
        if self._side.outward:
            return None
        tracked = _cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.get(obj)
        if tracked is not None:  # it came from home, which still has it
            return known_class, (tracked, obj.__qualname__)
        raise CannotTravelError(
            f"its class {obj.__qualname__} was made on the machine inside a function or an "
            f"expression, and code never comes back from a machine; define the class at the top "
            f"level of a cell"
        )

    def _needs(self, definition: Definition) -> None:
        """Note that the receiver must have run a definition, those of its bases first."""
        for found in (*self._side.cells.used(definition), definition):
            self.result.definitions[found.serial] = found
            self.result.cells.add(found.cell)

    def _is_named(self, obj: Any) -> bool:
        root, *path = obj.__qualname__.split(".")
        found = self._side.get(root)
        for part in path:
            found = getattr(found, part, None)
        return found is obj

    def _named(self, obj: Any) -> Any:
        root, *path = obj.__qualname__.split(".")
        definition = self._side.cells.definition(self._side.get(root))
        if definition is not None:
            self._needs(definition)
            return made_by, (definition.serial, definition.name, *path)
        self.result.names.add(root)
        return named, (root, *path)

    def _function(self, function: types.FunctionType) -> Any:
        cells = function.__closure__
        contents = []
        for cell in cells or ():
            self._function_cells.add(id(cell))
            try:
                contents.append((cell, cell.cell_contents))
            except ValueError:  # not filled yet: it stays empty
                contents.append((cell, _EMPTY))
        state = {
            "__name__": function.__name__,
            "__qualname__": function.__qualname__,
            "__module__": function.__module__,
            "__doc__": function.__doc__,
            "__defaults__": function.__defaults__,
            "__kwdefaults__": function.__kwdefaults__,
            "__annotations__": function.__annotations__,
        }
        whole = (dict(function.__dict__), state, contents)
        return make_function, (function.__code__, cells), whole, None, None, set_function_state

    def _cell(self, cell: types.CellType) -> Any:
        """A cell of a function is filled by the function's state, so that cycles end."""
        if id(cell) in self._function_cells:
            return types.CellType, ()
        try:
            return types.CellType, (), cell.cell_contents, None, None, set_cell
        except ValueError:  # an empty cell
            return types.CellType, ()

    def _code(self, code: types.CodeType) -> Any:
        found = self._side.cells.address(code)
        if found is not None:
            cell = self._side.cells.text(found.ident)
            if cell is not None:
                self.result.cells.add(cell.number)
                place = (found.ident, found.flags, found.name, found.line, found.nth)
                return code_from_text, place
        if not self._side.outward:
            raise CannotTravelError(
                f"the function {code.co_name} was not typed in a cell of this notebook, "
                f"and code never comes back from a machine"
            )
        arguments = _cloudpickle._code_reduce(code)[1]
        return code_from_bytes, (_MINOR, code.co_name, code.co_firstlineno, arguments)


def _class_method(method: types.MethodType) -> Any:
    """Reduce a class method to its class and name; None for other bound methods."""
    owner, name = method.__self__, method.__func__.__name__
    found = isinstance(owner, type) and getattr(owner, name, None) == method
    return (getattr, (owner, name)) if found else None


class _DataUnpickler(pickle.Unpickler):
    """Loads what a trusted machine sent: anything but code."""

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) in _FORBIDDEN or name == "code_from_bytes":
            raise pickle.UnpicklingError(f"code never comes back from a machine ({module}.{name})")
        return super().find_class(module, name)


def make_function(
    code: types.CodeType, cells: tuple[types.CellType, ...] | None
) -> types.FunctionType:
    """Rebuild a function of the notebook on the live namespace of this side."""
    return types.FunctionType(code, _receiving.get().namespace, code.co_name, None, cells)


def set_function_state(function: Any, state: tuple[dict[str, Any], dict[str, Any], Any]) -> None:
    """Give a rebuilt function its attributes, and its cells their contents."""
    attributes, slots, contents = state
    function.__dict__.update(attributes)
    for slot, value in slots.items():
        setattr(function, slot, value)
    for cell, value in contents:
        if not (isinstance(value, str) and value == _EMPTY):
            cell.cell_contents = value


def public_class(module: str, name: str) -> type:
    """Return a class of the standard library by the module that documents it."""
    found: type = getattr(importlib.import_module(module), name)
    return found


def of_module(module: str, name: str) -> Any:
    """Return the class or function of that name of a module, the one that is new here."""
    found = found_in_module(importlib.import_module(module), name)
    if not isinstance(found, (type, types.FunctionType)) or found.__module__ != module:
        raise pickle.UnpicklingError(f"{module} has no {name} of its own here")
    return found


def set_cell(cell: types.CellType, contents: Any) -> None:
    """Fill a rebuilt cell."""
    cell.cell_contents = contents


def named(root: str, *path: str) -> Any:
    """Return what the name `root` of this side holds, and from it the attributes of `path`."""
    found = _receiving.get().get(root)
    if found is None:
        raise pickle.UnpicklingError(f"what is called {root} has not arrived")
    for part in path:
        found = getattr(found, part)
    return found


def made_by(serial: str, name: str, *path: str) -> Any:
    """Return what the definition `serial` made on this side, and from it the attributes."""
    found = _receiving.get().cells.object(serial)
    if found is None:
        raise pickle.UnpicklingError(f"the definition of {name} has not arrived")
    for part in path:
        found = getattr(found, part)
    return found


def known_class(tracked: str, name: str) -> Any:
    """Return a class that this side once sent by value."""
    found = _cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.get(tracked)
    if found is None:
        raise pickle.UnpicklingError(f"the class {name} is not here any more")
    return found


def code_from_text(ident: str, flags: int, name: str, line: int, nth: int) -> types.CodeType:
    """Compile the text `ident` here and return one of its code objects."""
    cell = _receiving.get().cells.text(ident)
    if cell is None:
        raise pickle.UnpicklingError(f"the text that {name} was typed in is not known here")
    return code_at(Address(ident, flags, name, line, nth), cell)


def code_from_bytes(
    minor: tuple[int, int], name: str, line: int, arguments: tuple[Any, ...]
) -> types.CodeType:
    """Rebuild bytecode of the same minor version of Python; refuse any other."""
    if tuple(minor) != _MINOR:
        raise pickle.UnpicklingError(
            f"{name} (line {line}) was compiled by Python {minor[0]}.{minor[1]}, this machine "
            f"runs {_MINOR[0]}.{_MINOR[1]}, and its text is not known: define it in a cell"
        )
    return types.CodeType(*arguments)
