"""Why a value cannot leave its side, in words for the person who wants it."""

from __future__ import annotations

import gc
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError

from .describing import type_name
from .kinds import pinned_reason
from .survey import Survey

_SEARCHED_OBJECTS = 5000


def why_not(
    group: tuple[str, ...], survey: Survey, error: CannotTravelError
) -> tuple[str, str, str]:
    """Return (name, type, reason): which member of a component could not be encoded and why."""
    for name in group:
        found = pinned_within(survey.values[name])
        if found is not None:
            owner = survey.values[name]
            inside = "" if owner is found else f"it holds a {type_name(type(found))}: "
            return name, type_name(type(owner)), inside + pinned_reason(type(found))
    name = group[0]
    return name, type_name(type(survey.values[name])), error.message


def pinned_within(value: Any) -> Any:
    """Return the first object within `value` that belongs to its process, or None."""
    todo: list[Any] = [value]
    seen: set[int] = set()
    while todo and len(seen) < _SEARCHED_OBJECTS:
        obj = todo.pop(0)
        if id(obj) in seen or isinstance(obj, type):
            continue
        seen.add(id(obj))
        if pinned_reason(type(obj)):
            return obj
        if type(obj).__name__ != "module" and not callable(obj):
            todo.extend(gc.get_referents(obj))
    return None


def refusal(culprit: str, kind: str, reason: str, *, mentioned: bool) -> CannotTravelError:
    """Say that a cell was not sent because a value it needs cannot leave this computer."""
    needs = "It needs" if mentioned else "What it needs is linked to"
    return CannotTravelError(
        f"This cell was not sent. {needs} {culprit} ({kind}), which cannot leave this "
        f"computer: {reason}.",
        where=culprit,
        hint="Run the cell here, or take the data you need out of it first "
        "(a list, an array, a DataFrame).",
    )


def stays(culprit: str, kind: str, reason: str, machine: str) -> CannotTravelError:
    """Say that a local cell was not run because a value it reads cannot be copied here."""
    what = f"{culprit} ({kind})" if kind else culprit
    return CannotTravelError(
        f"This cell was not run. {what} was made on {machine} and cannot be copied: {reason}.",
        where=culprit,
        hint=f"Use {culprit} in a %%remote_gpu cell.",
    )
