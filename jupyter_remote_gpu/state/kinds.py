"""How the walk over a namespace treats each type of object; looked up once per type."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import logging
import pathlib
import re
import sys
import types
import uuid
import weakref

from jupyter_remote_gpu.protocol.data_names import InData

from .pinned import pinned_reason

__all__ = ["MACHINERY_REASON", "Kind", "Kinds", "pinned_reason"]

_LEAVES: frozenset[type] = frozenset(
    {
        *(int, float, complex, str, bytes, bool, range, type(None), type(...)),
        *(type(NotImplemented), types.CodeType, types.ModuleType, types.MappingProxyType),
        *(types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType),
        *(types.GetSetDescriptorType, types.MemberDescriptorType),
        *(types.FrameType, types.TracebackType),
        *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, fractions.Fraction, re.Pattern, uuid.UUID),
        *(pathlib.PurePosixPath, pathlib.PosixPath, pathlib.PureWindowsPath),
        *(weakref.ref, weakref.ReferenceType, logging.Logger, logging.RootLogger),
    }
)
_MACHINERY = ("ipykernel.", "jupyter_remote_gpu.", "IPython.core.interactiveshell")
MACHINERY_REASON = "it belongs to the kernel it was made in"


class Kind(enum.Enum):
    """What the walk does with an object of some type."""

    LEAF = enum.auto()  # immutable, never links
    SEEN_THROUGH = enum.auto()  # immutable container: its parts count, it does not
    PLAIN = enum.auto()  # list, dict, set
    FUNCTION = enum.auto()
    BUILTIN = enum.auto()  # a built-in function or bound method
    CLASS = enum.auto()
    ENUM = enum.auto()
    CACHE = enum.auto()  # functools.lru_cache
    ARRAY = enum.auto()
    TENSOR = enum.auto()
    FRAME = enum.auto()
    MACHINERY = enum.auto()  # the kernel's own (streams, shell): nobody shares by having it
    OTHER = enum.auto()


class Kinds:
    """Classifies types, with the heavy libraries that are loaded at this moment."""

    def __init__(self) -> None:
        self._known: dict[type, Kind] = {}
        numpy, torch, pandas = (sys.modules.get(m) for m in ("numpy", "torch", "pandas"))
        self._array: type | tuple[type, ...] = getattr(numpy, "ndarray", ())
        self._tensor: type | tuple[type, ...] = getattr(torch, "Tensor", ())
        self._frame: tuple[type, ...] = ()
        handles = sys.modules.get("torch.utils.hooks")
        self.handle: type | None = getattr(handles, "RemovableHandle", None)
        """The handle of a hook, which refers weakly to the hooks it belongs to."""
        leaves: list[type] = []
        if numpy is not None:
            leaves += [numpy.generic, numpy.dtype]
        if torch is not None and hasattr(torch, "Size"):
            leaves += [torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format]
        if pandas is not None and hasattr(pandas, "Series"):
            self._frame = (pandas.DataFrame, pandas.Series)
            leaves += [pandas.Index]  # immutable by contract
        self._leaf_bases = tuple(leaves)

    def of(self, kind: type) -> Kind:
        """Return how objects of this type are treated."""
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = self._classify(kind)
        return found

    def _classify(self, kind: type) -> Kind:
        if kind in _LEAVES or issubclass(kind, (*self._leaf_bases, InData)):
            return Kind.LEAF
        simple = _SIMPLE.get(kind)
        if simple is not None:
            return simple
        if kind.__module__.startswith(_MACHINERY):
            return Kind.MACHINERY
        for base, result in (
            (type, Kind.CLASS),
            (enum.Enum, Kind.ENUM),
            (self._array, Kind.ARRAY),
            (self._tensor, Kind.TENSOR),
            (self._frame, Kind.FRAME),
        ):
            if base and issubclass(kind, base):
                return result
        return Kind.OTHER


_SIMPLE = {
    tuple: Kind.SEEN_THROUGH,
    frozenset: Kind.SEEN_THROUGH,
    list: Kind.PLAIN,
    dict: Kind.PLAIN,
    set: Kind.PLAIN,
    bytearray: Kind.PLAIN,
    types.FunctionType: Kind.FUNCTION,
    types.BuiltinFunctionType: Kind.BUILTIN,
    functools._lru_cache_wrapper: Kind.CACHE,
}
