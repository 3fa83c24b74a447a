"""Devices chosen on this computer that a cell on a machine with a GPU is about to use."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_ASKS = ("is_available", "current_accelerator")
_CPU = ("cpu", "mps")


@dataclass(frozen=True, slots=True)
class Choice:
    """A name that holds a device of this computer, and the statement that chose it."""

    name: str
    device: str
    statement: str


class DeviceChoices:
    """Remembers which statements of local cells may have chosen a device, by name.

    Pure bookkeeping; called by the thread that runs cells.
    """

    def __init__(self) -> None:
        self._statements: dict[str, str] = {}
        self._told: set[str] = set()

    def note(self, source: str) -> None:
        """Look at a local cell's text; most speak of no device and cost a search."""
        if "device" not in source and not _mentions(source):
            return
        try:
            body = ast.parse(source).body
        except SyntaxError:
            return
        for statement in body:
            for name in _bound(statement):
                self._statements[name] = ast.unparse(statement)
                self._told.discard(name)

    @property
    def any(self) -> bool:
        """Whether any statement was noted."""
        return len(self._statements) > 0

    def statement(self, name: str) -> str | None:
        """Return the statement that bound `name`, if it may have chosen a device."""
        return self._statements.get(name)

    def made_here(self, needed: Iterable[str], names: Mapping[str, Any]) -> list[Choice]:
        """Return those of the `needed` names that hold a device this computer settled for."""
        found = []
        for name in sorted(self._statements.keys() & set(needed)):
            statement = self._statements[name]
            device = _device(names.get(name), statement)
            if device in _CPU:
                found.append(Choice(name, device, statement))
        return found

    def untold(self, choices: Iterable[Choice]) -> list[Choice]:
        """Return those not told of since their statement ran, and take them for told."""
        new = [choice for choice in choices if choice.name not in self._told]
        self._told.update(choice.name for choice in new)
        return new


def _device(value: Any, statement: str) -> str:
    """Return the kind of device a value names; a text only counts if a question led to it."""
    torch: Any = sys.modules.get("torch")
    kinds: Any = getattr(torch, "device", ())
    if isinstance(value, kinds):
        return str(value.type)
    return value if type(value) is str and _mentions(statement) else ""


def _mentions(text: str) -> bool:
    """Say whether a text asks what devices there are."""
    return any(word in text for word in _ASKS)


def _bound(statement: ast.stmt) -> set[str]:
    """Return the plain names that a statement binds which may choose a device."""
    if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.If)):
        return set()
    inner = ast.walk(statement)
    return {n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
