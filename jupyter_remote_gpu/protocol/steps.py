"""Steps of making something ready: what is being done, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is being done, in words for the user, such as "sending the agent".

    `done` of `total` bytes or pieces are; a `total` of 0 says nothing of how far it is.
    """

    what: str
    done: int = 0
    total: int = 0


Told = Callable[[Step], None]
"""Called, from any thread, when a step begins and now and then while it goes on; returns soon."""
