"""Components: names whose values share mutable objects, found by one coloured walk.

Each object of the namespace is visited once; its colour is the first name that
reached it, and meeting another colour joins the two names. Arrays join by byte
range, tensors by storage. The walk also tells which other names a value needs.
"""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .code import global_names
from .codecs.memory import array_span
from .kinds import MACHINERY_REASON, Kind, Kinds, pinned_reason
from .placeholders import Placeholder

Graph = dict[str, set[str]]


class Walk:
    """One walk over (part of) a namespace; `add` names, then ask for `components`.

    `needs` maps a name to the global names that the functions and classes it
    reaches use; `refers` to those that decided how it was walked, since they may
    be bound to what it reaches; `pinned` to (type, reason) of an object that
    cannot leave its process; `mutable` holds the names that reach something
    mutable, `cut` those that reached more than their limit. `ranges` is the
    memory of arrays. The owners, among `owners`, of what is reached are put into `met`.
    """

    def __init__(
        self, namespace: dict[str, Any], owners: Mapping[object, Any] | None = None
    ) -> None:
        self.needs: Graph = defaultdict(set)
        self.refers: Graph = defaultdict(set)
        self.pinned: dict[str, tuple[str, str]] = {}
        self.mutable: set[str] = set()
        self.sizes: dict[str, int] = {}
        self.cut: set[str] = set()
        self.storages: dict[str, list[object]] = {}
        self.ranges: list[tuple[int, int, str]] = []
        self.met: list[Any] = []
        self._owners: Mapping[object, Any] = owners or {}
        self._namespace = namespace
        kinds = Kinds()
        self._classify, self._handle = kinds.of, kinds.handle
        self._kinds: dict[type, Kind] = {}
        self._parents: dict[str, str] = {}
        self._colours: dict[object, str] = {}
        self._kept: list[object] = []  # ids stay unique while the objects live
        self._kept_by: dict[str, tuple[int, int]] = {}  # first and end in `_kept`
        self._pinned_types: dict[type, str] = {}

    def add(self, name: str, value: Any, limit: int = sys.maxsize) -> None:
        """Walk all that `value` reaches, at most `limit` objects of it."""
        self._parents[name] = name
        self.sizes[name] = 0
        kinds, colours, owners, kept = self._kinds, self._colours, self._owners, self._kept
        plain, leaf = Kind.PLAIN, Kind.LEAF  # looked up a million times
        first = len(kept)
        limit += first
        mutable = False
        seen: set[int] = set()
        stack = [value]
        while stack:
            obj = stack.pop()
            kind = kinds.get(type(obj)) or self._kind(type(obj))
            if kind is leaf:
                continue
            if kind is plain:
                key = id(obj)
                colour = colours.get(key)
                if colour is None:
                    colours[key] = name
                    kept.append(obj)
                    if key in owners:
                        self.met.append(owners[key])
                    mutable = True
                    if type(obj) is dict:
                        stack.extend(obj.keys())
                        stack.extend(obj.values())
                    elif type(obj) is bytearray:
                        self.sizes[name] += len(obj)
                    else:
                        stack.extend(obj)
                elif colour != name:
                    self._join(colour, name)
            elif kind is Kind.SEEN_THROUGH:
                if id(obj) not in seen:
                    seen.add(id(obj))
                    kept.append(obj)
                    stack.extend(obj)
            else:
                stack.extend(self._special(name, obj, kind, obj is value))
            if len(kept) > limit:
                self.cut.add(name)
                break
        if mutable:
            self.mutable.add(name)
        self._kept_by[name] = (first, len(kept))

    def keys(self, name: str, most: int) -> list[object]:
        """Return the ids of `most` of the objects first reached from `name`, and its storages."""
        first, end = self._kept_by[name]
        found: list[object] = list(map(id, self._kept[first : min(end, first + most)]))
        return [*found, *self.storages.get(name, ())]

    def _special(self, name: str, obj: Any, kind: Kind, is_value: bool) -> Iterable[Any]:
        """Take up an object that is neither a leaf nor a plain container; return its parts."""
        if kind is Kind.MACHINERY or obj is self._namespace:
            self.pinned.setdefault(name, (type(obj).__qualname__, MACHINERY_REASON))
            return ()
        if kind is Kind.BUILTIN:
            owner = obj.__self__
            bound = owner is not None and not isinstance(owner, (types.ModuleType, type))
            return (owner,) if bound else ()
        if self._is_reference(name, obj, kind, is_value):
            return ()
        key = id(obj)
        colour = self._colours.get(key)
        if colour is None:
            self._colours[key] = name
            self._kept.append(obj)
            if key in self._owners:
                self.met.append(self._owners[key])
            return self._parts(name, obj, kind)
        if colour != name:
            self._join(colour, name)
        return ()

    def _kind(self, type_: type) -> Kind:
        kind = self._kinds[type_] = self._classify(type_)
        return kind

    def components(self) -> dict[str, tuple[str, ...]]:
        """Return, for each added name, the sorted names of its component."""
        self._join_ranges()
        groups: dict[str, list[str]] = {}
        for name in self._parents:
            groups.setdefault(self._root(name), []).append(name)
        return {name: tuple(sorted(group)) for group in groups.values() for name in group}

    def _is_named(self, function: types.FunctionType) -> bool:
        """Say whether a function is reached by its name, or as a method by that of its class."""
        root, *path = function.__qualname__.split(".")
        found = self._namespace.get(root)
        for part in path:
            found = vars(found).get(part) if isinstance(found, type) else None
        return found is function

    def _is_reference(self, name: str, obj: Any, kind: Kind, is_value: bool) -> bool:
        """Settle objects that other values only refer to: classes, named functions, enums."""
        if kind is Kind.CLASS:
            return not (self._class(name, obj) and is_value)
        if kind is Kind.FUNCTION:
            if obj.__globals__ is not self._namespace:
                return not (obj.__closure__ or obj.__dict__)
            self.refers[name].add(obj.__qualname__)
            # a function with attributes is shared by those who refer to it, like any object
            if not is_value and not obj.__dict__ and self._is_named(obj):
                self.needs[name].add(obj.__qualname__.partition(".")[0])
                return True
            self.needs[name] |= global_names(obj.__code__)
            return False
        if kind is Kind.ENUM:
            self._class(name, type(obj))
            return True
        return False

    def _class(self, name: str, cls: type) -> bool:
        """Note that `name` needs a class; False if it is a library's."""
        if cls.__module__ != self._namespace.get("__name__", "__main__"):
            return False
        needs = self.needs[name]
        root = cls.__qualname__.split(".", 1)[0]
        self.refers[name].add(root)
        current = self._namespace.get(root)
        # a placeholder there may well be this class, changed on a machine
        if isinstance(current, (type, Placeholder)) and root != name:
            needs.add(root)
        if current is not cls or root == name:
            needs |= class_globals(cls)
            for base in cls.__mro__[1:]:
                if base.__module__ == cls.__module__:
                    needs.add(base.__qualname__.split(".", 1)[0])
        needs.discard(name)
        return True

    def _parts(self, name: str, obj: Any, kind: Kind) -> Iterable[Any]:
        """Return what to visit below a mutable object, seen for the first time."""
        self.mutable.add(name)
        if kind is Kind.FUNCTION:
            parts = [*(obj.__closure__ or ()), *(obj.__defaults__ or ())]
            return [*parts, *(obj.__kwdefaults__ or {}).values(), *obj.__dict__.values()]
        if kind is Kind.CLASS:
            return list(class_data(obj).values())
        if kind is Kind.CACHE:
            return [obj.__wrapped__]
        self._class(name, type(obj))
        if kind is Kind.ARRAY:
            return self._array(name, obj)
        if kind is Kind.TENSOR:
            return self._tensor(name, obj)
        if kind is Kind.FRAME:
            return self._frame(name, obj)
        reason = self._pinned_reason(type(obj))
        if reason:
            self.pinned.setdefault(name, (type(obj).__qualname__, reason))
        if type(obj) is self._handle:
            handle: Any = obj
            hooks = (ref() for ref in (handle.hooks_dict_ref, *handle.extra_dict_ref))
            return [found for found in hooks if found is not None]
        return gc.get_referents(obj)

    def _pinned_reason(self, kind: type) -> str:
        reason = self._pinned_types.get(kind)
        if reason is None:
            reason = self._pinned_types[kind] = pinned_reason(kind)
        return reason

    def _array(self, name: str, array: Any) -> Iterable[Any]:
        if array.dtype.hasobject:
            return list(array.ravel().tolist())
        if array.size:
            low, high = array_span(array)
            self.ranges.append((low, high, name))
            self.sizes[name] += array.nbytes
        extra = getattr(array, "__dict__", None)
        return [extra] if extra else ()

    def _tensor(self, name: str, tensor: Any) -> Iterable[Any]:
        if tensor.layout == sys.modules["torch"].strided and not tensor.is_quantized:
            storage = tensor.untyped_storage()
            key = ("storage", storage._cdata)
            colour = self._colours.get(key)
            if colour is None:
                self._colours[key] = name
                self.storages.setdefault(name, []).append(key)
                if key in self._owners:
                    self.met.append(self._owners[key])
                self._kept.append(storage)
            elif colour != name:
                self._join(colour, name)
            if colour is None or colour == name:
                self.sizes[name] += tensor.numel() * tensor.element_size()
            if tensor.device.type == "cpu" and storage.nbytes():
                start = storage.data_ptr()
                self.ranges.append((start, start + storage.nbytes(), name))
        parts = [tensor.__dict__] if tensor.__dict__ else []
        if tensor.is_leaf and tensor.grad is not None:
            parts.append(tensor.grad)
        return [*parts, tensor._backward_hooks] if tensor._backward_hooks else parts

    def _frame(self, name: str, frame: Any) -> Iterable[Any]:
        """Columns of mutable objects link; other blocks only where pandas shares them (< 3)."""
        parts: list[Any] = [frame.attrs] if frame.attrs else []
        copy_on_write = int(sys.modules["pandas"].__version__.split(".")[0]) >= 3
        for block in frame._mgr.blocks:
            values = block.values
            numpy_like = hasattr(values, "dtype") and hasattr(values, "__array_interface__")
            if numpy_like and (values.dtype.hasobject or not copy_on_write):
                parts.append(values)
            else:
                self.sizes[name] += getattr(values, "nbytes", 0)
        return parts

    def _root(self, name: str) -> str:
        parents = self._parents
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    def _join(self, one: str, other: str) -> None:
        a, b = self._root(one), self._root(other)
        if a != b:
            self._parents[b] = a

    def _join_ranges(self) -> None:
        self.ranges.sort()
        end, owner = -1, ""
        for low, high, name in self.ranges:
            if low < end:
                self._join(owner, name)
            if high > end:
                end, owner = high, name


def class_data(cls: type) -> dict[str, Any]:
    """Return what of a notebook class may differ from its statement: data, replaced methods."""
    if "_member_map_" in vars(cls) or issubclass(cls, tuple):  # enums, named tuples: fixed
        return {}
    return {
        name: value
        for name, value in vars(cls).items()
        if not (name[:2] == "__" or name[:4] == "_abc") and _is_data(cls, name, value)
    }


def _is_data(cls: type, name: str, value: Any) -> bool:
    if isinstance(value, types.FunctionType):
        return value.__qualname__ != f"{cls.__qualname__}.{name}"
    if isinstance(value, type):
        return not value.__qualname__.startswith(f"{cls.__qualname__}.")
    return not hasattr(type(value), "__get__")


def class_globals(cls: type) -> frozenset[str]:
    """Return the global names that the methods of a class use."""
    names: frozenset[str] = frozenset()
    for value in vars(cls).values():
        for function in _functions_in(value):
            names |= global_names(function.__code__)
    return names


def _functions_in(value: Any) -> list[types.FunctionType]:
    if isinstance(value, property):
        found = [value.fget, value.fset, value.fdel]
    else:
        found = [getattr(value, "__func__", value)]
        if isinstance(value, functools.cached_property):
            found = [value.func]
    unwrapped = [getattr(f, "__wrapped__", f) for f in found]
    return [f for f in unwrapped if isinstance(f, types.FunctionType)]


class Edges(Protocol):
    """Which names a name needs: a dict, or whoever works that out when asked."""

    def get(self, name: str, default: tuple[str, ...], /) -> Iterable[str]:
        """Return the names that `name` needs."""
        ...


def reach(names: Iterable[str], *graphs: Edges) -> set[str]:
    """Return all names reachable from `names` along the edges of the graphs, `names` included."""
    todo, seen = list(names), set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            for graph in graphs:
                todo.extend(graph.get(name, ()))
    return seen
