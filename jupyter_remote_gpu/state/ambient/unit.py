"""One hidden unit of ambient state: how it is looked at, told and taken over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AmbientUnit:
    """A part of the process's state with a name of its own.

    `module` must have been imported by the user before it is looked at ("" for
    none). `look` is cheap and returns something that compares unequal after a
    change; `tell` returns plain data (numbers, texts, bytes, and containers of
    them); `take` applies what the other side told.
    """

    name: str
    module: str
    look: Callable[[], Any]
    tell: Callable[[], Any]
    take: Callable[[Any], None]
