"""Instances as (class, what a built-in base holds, attributes, slots), made without their code.

Memory is allocated by the built-in base and filled by writing to `__dict__` and
to slots directly: no `__init__`, `__new__`, `__setattr__`, `__setstate__`,
property or descriptor of the class is ever called, at either end.
"""

from __future__ import annotations

import collections
import enum
import sys
import types
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.state.kinds import pinned_reason

from .classes import typed_class
from .limits import must, refuse, words
from .looking import inherits, is_class, is_of, module_of, mro_of, name_of, vars_of
from .parts import Adapter, Arriving, Parts, Surroundings, whole

_HEAP_TYPE, _ABSTRACT = 1 << 9, 1 << 20
_flags_of: Any = vars(type)["__flags__"].__get__
_args_of: Any = vars(BaseException)["args"]
_HOOKS = (
    *("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__"),
    *("__getattr__", "__getattribute__", "__class__"),
)
"""Methods that pickling runs, or that decide what it sees."""
_META_HOOKS = (*_HOOKS, "__hash__", "__eq__", "__instancecheck__")
_KNOWN_LIBRARIES = words(
    "builtins enum typing abc collections types argparse string statistics numpy pandas torch "
    "sklearn"
)
_NOTHING = object()
_READ_HOOKS = ("__getattr__", "__getattribute__", "__class__")
_TRUE_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)
_ATTRIBUTES = frozenset({"__doc__", "__name__", "__qualname__", "__module__", "__notes__"})
_TORCH_WEAK = "_flat_weight_refs"  # what an RNN rebuilds from its other attributes
_OPTIMIZER_OWN = frozenset(
    {
        *("step", "_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"),
        *("_optimizer_state_dict_pre_hooks", "_optimizer_state_dict_post_hooks"),
        *("_optimizer_load_state_dict_pre_hooks", "_optimizer_load_state_dict_post_hooks"),
        *("_zero_grad_profile_name", "_warned_capturable_if_run_uncaptured"),
    }
)


@dataclass(frozen=True, slots=True)
class Base:
    """A built-in type that instances hold something of besides attributes.

    `items` lists it, `add` puts it into an instance; without `add` it is given
    to `__new__`, once and for all.
    """

    kind: type
    items: Callable[[Any], Iterable[Any]]
    add: Callable[[Any, list[Any]], object] | None = None


def _pairs(items: Callable[[Any], Iterable[tuple[Any, Any]]]) -> Callable[[Any], list[Any]]:
    return lambda obj: [part for pair in items(obj) for part in pair]


def _put(setter: Callable[[Any, Any, Any], object]) -> Callable[[Any, list[Any]], None]:
    def put(obj: Any, parts: list[Any]) -> None:
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            setter(obj, key, value)

    return put


_ordered, _plain_dict = collections.OrderedDict, dict
_BASES = (
    Base(_ordered, _pairs(_ordered.items), _put(_ordered.__setitem__)),
    Base(dict, _pairs(dict.items), _put(dict.__setitem__)),
    Base(list, list.__iter__, list.extend),
    Base(set, set.__iter__, set.update),
    Base(collections.deque, collections.deque.__iter__, collections.deque.extend),
    Base(bytearray, lambda obj: (bytes(obj),), lambda obj, parts: bytearray.__init__(obj, *parts)),
    Base(str, lambda obj: (str.__str__(obj),)),
    Base(int, lambda obj: (int.__int__(obj),)),
    Base(float, lambda obj: (float.__float__(obj),)),
    Base(complex, lambda obj: (complex(complex.__pos__(obj)),)),
    Base(bytes, lambda obj: (bytes.__getitem__(obj, slice(None)),)),
    Base(frozenset, frozenset.__iter__),
    Base(tuple, tuple.__iter__),
)
_HASHED = (_ordered, dict, set)


@dataclass(slots=True)
class Shape:
    """What there is to know of a class before an instance of it is read or made."""

    cls: type
    base: Base | None = None
    error: type | None = None  # the built-in exception that it is
    attributes: Any = None  # reads the true `__dict__`
    slots: dict[str, Any] = field(default_factory=dict)
    coded_hash: bool = False
    hooked: bool = False


def shape_of(cls: type, around: Surroundings) -> Shape:
    """Look at a class; raises `CannotTravelError` for one whose instances stay where they are."""
    shape = Shape(cls)
    if inherits(cls, type) or inherits(cls, enum.Enum) or _flags_of(cls) & _ABSTRACT:
        refuse(f"a {name_of(cls)} is not made of attributes alone")
    for owner in mro_of(cls):
        own = vars_of(owner)
        if "__del__" in own:
            refuse(f"the class {name_of(cls)} has a __del__ method, which would run twice")
        _attributes_of(shape, owner, own)
        if shape.base is None:
            shape.base = next((b for b in _BASES if b.kind is owner), None)
        if shape.error is None and not _flags_of(owner) & _HEAP_TYPE and _is_error(owner):
            shape.error = owner
        shape.hooked = shape.hooked or (_typed(owner) and any(hook in own for hook in _HOOKS))
    for owner in mro_of(type(cls)):
        meta = vars_of(owner)
        shape.hooked = shape.hooked or (_typed(owner) and any(h in meta for h in _META_HOOKS))
    shape.coded_hash = coded_hash(cls)
    return shape


def _typed(owner: type) -> bool:
    """Say whether a class is somebody's own rather than one of the libraries known here."""
    return module_of(owner).partition(".")[0] not in _KNOWN_LIBRARIES


def _attributes_of(shape: Shape, owner: type, own: Any) -> None:
    """Note the `__dict__` and slots that `owner` brings; their descriptors are Python's own."""
    found = own.get("__dict__")
    if is_of(found, *_TRUE_DESCRIPTORS) and shape.attributes is None:
        shape.attributes = found
    if "__slots__" in own and _flags_of(owner) & _HEAP_TYPE:
        for name, slot in own.items():
            if type(slot) is types.MemberDescriptorType and name != "__weakref__":
                shape.slots.setdefault(name, slot)


def _is_error(owner: type) -> bool:
    return inherits(owner, BaseException)


def coded_hash(cls: type) -> bool:
    """Say whether hashing or comparing an instance runs code that somebody typed."""
    for method in ("__hash__", "__eq__"):
        owner = next((c for c in mro_of(cls) if method in vars_of(c)), object)
        found = vars_of(owner)[method]
        generated = type(found) is types.FunctionType and found.__code__.co_filename == "<string>"
        if generated:  # by dataclasses: no cell has that name. It reads the fields
            if _reads_code(cls):
                return True
        elif type(found) is not types.WrapperDescriptorType and owner is not enum.Enum:
            return True
    return False


def _reads_code(cls: type) -> bool:
    """Say whether reading a field of a dataclass may run code."""
    owners = [vars_of(c) for c in mro_of(cls) if _typed(c)]
    if any(hook in own for own in owners for hook in _READ_HOOKS):
        return True
    fields: Any = next((own["__dataclass_fields__"] for own in owners), {})
    for name in fields:
        found = next((own[name] for own in owners if name in own), None)
        if type(found) is not types.MemberDescriptorType and _has_get(type(found)):
            return True
    return False


def _has_get(kind: type) -> bool:
    return any("__get__" in vars_of(owner) for owner in mro_of(kind))


def take_instance(obj: Any, around: Surroundings, shape: Shape) -> Parts:
    """Take an instance apart by its true attributes, slots and built-in content."""
    cls = type(obj)
    if not (typed_class(cls, around) or cls is collections.deque):
        reason = pinned_reason(cls)
        if reason:
            refuse(reason)
    attributes = dict(shape.attributes.__get__(obj)) if shape.attributes is not None else {}
    _leave_out(cls, attributes)
    slots = {}
    for name, slot in shape.slots.items():
        held = _held(slot, obj)
        if held is not _NOTHING:
            slots[name] = held
    made_of: tuple[Any, ...] = (cls,)
    content: Iterable[Any] = ()
    if shape.error is not None:
        made_of = (cls, *_args_of.__get__(obj))
    elif shape.base is not None:
        if isinstance(obj, collections.defaultdict):
            made_of = (cls, obj.default_factory)
        elif isinstance(obj, collections.deque):
            made_of = (cls, obj.maxlen)
        if shape.base.add is None:
            made_of = (cls, *shape.base.items(obj))
        else:
            content = shape.base.items(obj)
    pairs = [part for table in (attributes, slots) for pair in table.items() for part in pair]
    return Parts("instance", made_of, (len(attributes), len(slots), *pairs, *content))


def _held(slot: Any, obj: Any) -> Any:
    try:
        return slot.__get__(obj)
    except AttributeError:
        return _NOTHING


def _leave_out(cls: type, attributes: dict[str, Any]) -> None:
    """Drop what torch makes again by itself."""
    attributes.pop(_TORCH_WEAK, None)
    if _torch_base(cls, "torch.optim.optimizer", "Optimizer") is not None:
        for name in _OPTIMIZER_OWN & attributes.keys():
            del attributes[name]


def _torch_base(cls: type, module: str, name: str) -> Any:
    """Return the class of torch called so if `cls` is one of its kind."""
    found = getattr(sys.modules.get(module), name, None)
    return found if found is not None and inherits(cls, found) else None


def _marked(at: Arriving, shape: Shape, obj: Any) -> Any:
    """Note if hashing `obj` would run code."""
    if shape.coded_hash:
        at.coded.add(id(obj))
    return obj


def arriving_shape(at: Arriving, cls: Any) -> Shape:
    """Return the shape of a class that a reference was decoded to; looked at once a value."""
    must(is_class(cls), "an instance has a class")
    shape = at.known.get(id(cls))
    if shape is None:
        shape = at.known[id(cls)] = shape_of(cls, at.around)
        at.hooked = at.hooked or shape.hooked
    return shape


def _make(at: Arriving, parts: list[Any]) -> Any:
    cls, *held = parts
    shape = arriving_shape(at, cls)
    return _marked(at, shape, _allocate(at, shape, held))


def _allocate(at: Arriving, shape: Shape, held: list[Any]) -> Any:
    """Let the built-in base make an object of the class."""
    cls: Any = shape.cls
    if shape.error is not None:
        base: Any = shape.error
        obj = base.__new__(cls, *held)
        base.__init__(obj, *held)
        return obj
    base = shape.base
    if base is None:
        must(not held, "an object without content has none")
        simple: Any = types.SimpleNamespace
        return (simple if inherits(cls, simple) else object).__new__(cls)
    if base.kind is tuple:
        return at.deeper(tuple.__new__(cls, held), held)
    if base.kind is frozenset:
        at.hashable(held)
        return frozenset.__new__(cls, held)
    if base.add is None:
        (content,) = held
        must(type(content) is base.kind, "the content of an instance is of its base")
        return base.kind.__new__(cls, content)
    obj = base.kind.__new__(cls)
    if inherits(cls, collections.defaultdict):
        obj = collections.defaultdict.__new__(cls)
        collections.defaultdict.__init__(obj, *held)
    elif base.kind is collections.deque:
        (length,) = held
        if length is not None:
            whole(length, 0, 1 << 62)
        collections.deque.__init__(obj, (), length)
    else:
        must(not held, "what can be filled is made empty")
    return obj


def _fill(at: Arriving, obj: Any, parts: list[Any]) -> None:
    shape = arriving_shape(at, type(obj))
    count, slots = whole(parts[0], 0, len(parts)), whole(parts[1], 0, len(parts))
    middle, end = 2 + 2 * count, 2 + 2 * count + 2 * slots
    must(end <= len(parts), "an instance has as many attributes as it says")
    if count:
        names = parts[2:middle:2]
        must(shape.attributes is not None, "an object without attributes gets none")
        must(all(type(n) is str and _allowed(n) for n in names), "attributes have plain names")
        shape.attributes.__get__(obj).update(zip(names, parts[3:middle:2], strict=True))
    for name, value in zip(parts[middle:end:2], parts[middle + 1 : end : 2], strict=True):
        slot = shape.slots.get(name) if type(name) is str else None
        if slot is None:
            must(False, "a slot is one of its class")
        else:
            slot.__set__(obj, value)
    content = parts[end:]
    if content:
        if shape.base is None or shape.base.add is None or shape.error is not None:
            must(False, "only containers have content")
        else:
            if shape.base.kind in _HASHED:
                at.hashable(content if shape.base.kind is set else content[::2])
            shape.base.add(obj, content)
    _complete(shape, obj)


def _allowed(name: str) -> bool:
    return name[:2] != "__" or name[-2:] != "__" or name in _ATTRIBUTES


def _complete(shape: Shape, obj: Any) -> None:
    """Give a torch object what it makes for itself, as its library would, without asking it."""
    cls = shape.cls
    optimizer = _torch_base(cls, "torch.optim.optimizer", "Optimizer")
    if optimizer is not None:
        own = shape.attributes.__get__(obj)
        own.update({name: _ordered() for name in _OPTIMIZER_OWN if name.endswith("_hooks")})
        own["_zero_grad_profile_name"] = f"Optimizer.zero_grad#{name_of(cls)}.zero_grad"
        own["_warned_capturable_if_run_uncaptured"] = True
        step = vars_of(cls).get("step")
        if module_of(cls).startswith("torch.optim.") and not getattr(step, "hooked", None):
            wrapped = optimizer.profile_hook_step(step)
            wrapped.hooked = True
            type.__setattr__(cls, "step", wrapped)
    elif _torch_base(cls, "torch.nn.modules.rnn", "RNNBase") is not None:
        own = shape.attributes.__get__(obj)
        weights = own.get("_flat_weights")
        if type(weights) is list:
            own[_TORCH_WEAK] = [None if w is None else weakref.ref(w) for w in weights]


ADAPTERS = {"instance": Adapter(_make, _fill)}
