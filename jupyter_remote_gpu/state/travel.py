"""Why a value cannot leave its side, in words for the person who wants it."""

from __future__ import annotations

import gc
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError

from .describing import type_name
from .namespace import is_made_module
from .pinned import advice_for, pinned_reason
from .survey import Survey

_SEARCHED_OBJECTS = 5000
_KEY_CHARS = 30
MADE_MODULE = "it was made by code, not imported, so there is nothing to import elsewhere"


def why_not(
    group: tuple[str, ...], survey: Survey, error: CannotTravelError
) -> tuple[str, str, str]:
    """Return (name, type, reason): which member of a component could not be encoded and why."""
    for name in group:
        owner = survey.values[name]
        found = pinned_within(name, owner)
        if found is not None:
            path, obj = found
            reason = pinned_reason(type(obj))
            if obj is not owner:
                reason = f"{path} is a {type_name(type(obj))}, and {reason}"
            return name, type_name(type(owner)), reason
    name = group[0]
    reason = error.message
    if reason.startswith("cannot pickle"):
        reason = f"Python has no way to copy it ({reason})"
    return name, type_name(type(survey.values[name])), reason


def pinned_within(name: str, value: Any) -> tuple[str, Any] | None:
    """Return the nearest object within `value` that belongs to its process, and the way to it."""
    todo: deque[tuple[str, Any]] = deque([(name, value)])
    seen: set[int] = set()
    while todo and len(seen) < _SEARCHED_OBJECTS:
        path, obj = todo.popleft()
        if id(obj) in seen or isinstance(obj, (type, types.ModuleType)):
            continue
        seen.add(id(obj))
        if pinned_reason(type(obj)):
            return path, obj
        todo.extend(_parts(path, obj))
    return None


def refuse_made_modules(names: Iterable[str], namespace: Mapping[str, Any]) -> None:
    """Refuse a cell that needs a module which no machine could import."""
    for name in sorted(names):
        if is_made_module(namespace.get(name)):
            raise refusal(name, "module", MADE_MODULE, mentioned=True)


def _parts(path: str, obj: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object holds, each with the words a reader would reach it by."""
    if isinstance(obj, (list, tuple)):
        yield from ((f"{path}[{i}]", part) for i, part in enumerate(obj))
    elif isinstance(obj, dict):
        for key, part in list(obj.items()):
            yield f"{path}[{_short(key)}]", part
            yield f"a key of {path}", key
    elif isinstance(obj, types.FunctionType):
        cells = obj.__closure__ or ()
        for variable, cell in zip(obj.__code__.co_freevars, cells, strict=True):
            for part in gc.get_referents(cell):
                yield f"{variable} in {path}", part
        yield from ((f"a default of {path}", part) for part in obj.__defaults__ or ())
    else:
        named = getattr(obj, "__dict__", None)
        attributes = named if type(named) is dict else {}
        yield from ((f"{path}.{key}", part) for key, part in attributes.items())
        reached = {id(part) for part in attributes.values()} | {id(attributes)}
        others = [part for part in gc.get_referents(obj) if id(part) not in reached]
        yield from ((f"a part of {path}", part) for part in others)


def _short(key: object) -> str:
    """Write a key without running code of its class."""
    text = repr(key) if type(key) in (str, int, bool, bytes, float, type(None)) else "…"
    return text if len(text) <= _KEY_CHARS else text[: _KEY_CHARS - 1] + "…"


def refusal(culprit: str, kind: str, reason: str, *, mentioned: bool) -> CannotTravelError:
    """Say that a cell was not sent because a value it needs cannot leave this computer."""
    needs = "It needs" if mentioned else "What it needs is linked to"
    return CannotTravelError(
        f"This cell was not sent. {needs} {culprit} ({kind}), which cannot leave this "
        f"computer: {reason}.",
        where=culprit,
        hint=f"Run the cell here, or {advice_for(reason, culprit)}.",
    )


def stays(culprit: str, kind: str, reason: str, machine: str) -> CannotTravelError:
    """Say that a local cell was not run because a value it reads cannot be copied here."""
    what = f"{culprit} ({kind})" if kind else culprit
    return CannotTravelError(
        f"This cell was not run. {what} was made on {machine} and cannot be copied: {reason}.",
        where=culprit,
        hint=f"Use {culprit} in a %%remote_gpu cell, or {advice_for(reason, culprit)}.",
    )
