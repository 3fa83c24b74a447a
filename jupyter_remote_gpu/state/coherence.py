"""Where the newest value of a name is: a table of states and events, nothing else.

Kept at home only; the other side reports and obeys.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Place(enum.Enum):
    """Where the newest value of a name is, seen from home."""

    HERE = "here"  # the machine has none
    BOTH = "both"  # the same version on both sides
    TOUCHED = "here?"  # was BOTH; a local cell may have changed it
    THERE = "there"  # bound by a remote cell
    CHANGED = "there?"  # was BOTH; a remote cell may have changed it
    LOST = "lost"  # went with its machine


class Event(enum.Enum):
    """What can happen to a name."""

    BOUND_HERE = enum.auto()
    TOUCHED_HERE = enum.auto()
    BOUND_THERE = enum.auto()
    TOUCHED_THERE = enum.auto()
    EQUAL = enum.auto()  # sent, fetched, or found unchanged
    MACHINE_GONE = enum.auto()
    RECOVERED = enum.auto()


_P, _E = Place, Event
TRANSITIONS: dict[Event, dict[Place, Place]] = {
    _E.BOUND_HERE: dict.fromkeys(Place, _P.HERE),
    _E.TOUCHED_HERE: {_P.BOTH: _P.TOUCHED},
    _E.BOUND_THERE: dict.fromkeys(Place, _P.THERE),
    _E.TOUCHED_THERE: {_P.BOTH: _P.CHANGED},
    _E.EQUAL: dict.fromkeys(Place, _P.BOTH),
    _E.MACHINE_GONE: {
        _P.BOTH: _P.HERE,
        _P.TOUCHED: _P.HERE,
        _P.THERE: _P.LOST,
        _P.CHANGED: _P.LOST,
    },
    _E.RECOVERED: {_P.LOST: _P.HERE},
}
"""What an event makes of a place; a place that is not listed stays."""

ELSEWHERE = frozenset({Place.THERE, Place.CHANGED})
KNOWN_THERE = frozenset({Place.BOTH, Place.TOUCHED, Place.THERE, Place.CHANGED})
"""Places in which the machine holds something under the name."""


class Places:
    """The place of every name; a name never heard of is HERE."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self.elsewhere: set[str] = set()  # names in THERE or CHANGED
        self.touched: set[str] = set()  # names in TOUCHED
        self.unbind: set[str] = set()  # names to unbind on the machine with the next message

    def __getitem__(self, name: str) -> Place:
        return self._places.get(name, Place.HERE)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __bool__(self) -> bool:
        """Say whether any name is not simply HERE."""
        return bool(self._places)

    def known(self) -> list[str]:
        """Return all names that are not simply HERE."""
        return list(self._places)

    def happen(self, event: Event, names: Iterable[str]) -> None:
        """Let `event` happen to `names`."""
        table = TRANSITIONS[event]
        for name in names:
            before = self[name]
            after = table.get(before, before)
            if event is Event.BOUND_HERE and before in KNOWN_THERE:
                self.unbind.add(name)
            elif event in (Event.BOUND_THERE, Event.EQUAL):
                self.unbind.discard(name)
            self._set(name, after)

    def forget(self, names: Iterable[str]) -> None:
        """The names are gone on both sides."""
        for name in names:
            self._set(name, Place.HERE)

    def machine_gone(self) -> None:
        """All that was on the machine is gone with it."""
        self.happen(Event.MACHINE_GONE, self.known())
        self.unbind.clear()

    def _set(self, name: str, place: Place) -> None:
        if place is Place.HERE:
            self._places.pop(name, None)
        else:
            self._places[name] = place
        if place in ELSEWHERE:
            self.elsewhere.add(name)
        else:
            self.elsewhere.discard(name)
        if place is Place.TOUCHED:
            self.touched.add(name)
        else:
            self.touched.discard(name)
