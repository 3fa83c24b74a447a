"""The table of places and events."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.state.coherence import KNOWN_THERE, TRANSITIONS, Event, Place, Places


def placed(*events: Event) -> Places:
    places = Places()
    for event in events:
        places.happen(event, ["x"])
    return places


@pytest.mark.parametrize(
    ("events", "place"),
    [
        ((), Place.HERE),
        ((Event.TOUCHED_HERE,), Place.HERE),
        ((Event.EQUAL,), Place.BOTH),
        ((Event.EQUAL, Event.TOUCHED_HERE), Place.TOUCHED),
        ((Event.EQUAL, Event.TOUCHED_HERE, Event.EQUAL), Place.BOTH),
        ((Event.EQUAL, Event.TOUCHED_THERE), Place.CHANGED),
        ((Event.BOUND_THERE,), Place.THERE),
        ((Event.BOUND_THERE, Event.TOUCHED_THERE), Place.THERE),
        ((Event.EQUAL, Event.BOUND_HERE), Place.HERE),
        ((Event.BOUND_THERE, Event.MACHINE_GONE), Place.LOST),
        ((Event.EQUAL, Event.TOUCHED_HERE, Event.MACHINE_GONE), Place.HERE),
        ((Event.BOUND_THERE, Event.MACHINE_GONE, Event.RECOVERED), Place.HERE),
        ((Event.BOUND_THERE, Event.MACHINE_GONE, Event.BOUND_HERE), Place.HERE),
    ],
)
def test_where_events_lead(events: tuple[Event, ...], place: Place) -> None:
    assert placed(*events)["x"] is place


@pytest.mark.parametrize("place", Place)
def test_rebinding_here_unbinds_there_whatever_is_there(place: Place) -> None:
    lead = {
        Place.HERE: (),
        Place.BOTH: (Event.EQUAL,),
        Place.TOUCHED: (Event.EQUAL, Event.TOUCHED_HERE),
        Place.THERE: (Event.BOUND_THERE,),
        Place.CHANGED: (Event.EQUAL, Event.TOUCHED_THERE),
        Place.LOST: (Event.BOUND_THERE, Event.MACHINE_GONE),
    }[place]
    places = placed(*lead)
    assert places["x"] is place
    places.happen(Event.BOUND_HERE, ["x"])
    assert places.unbind == ({"x"} if place in KNOWN_THERE else set())


def test_elsewhere_lists_what_is_newest_there() -> None:
    assert placed(Event.BOUND_THERE).elsewhere == {"x"}
    assert placed(Event.BOUND_THERE, Event.EQUAL).elsewhere == set()


def test_every_event_has_a_row() -> None:
    assert set(TRANSITIONS) == set(Event)
