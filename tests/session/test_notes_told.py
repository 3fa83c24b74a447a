"""A waiting cell is told once of what several requests have to say."""

from __future__ import annotations

from jupyter_remote_gpu.session import notes
from jupyter_remote_gpu.session.following import Following, Items
from tests.session.recording import Recorder

SINCE = 1_700_000_000.0


def told(items: Items) -> list[object]:
    """Take what waits for the cell."""
    found: list[object] = []
    while not items.empty():
        found.append(items.get())
    return found


def test_a_lost_connection_is_told_once_however_many_requests_meet_it() -> None:
    following = Following(Recorder())
    with following.awaiting("r1") as items:
        for _ in range(3):
            following.tell(notes.lost(SINCE))
        following.tell(notes.again(5))
        following.tell(notes.lost(SINCE + 60))
        assert told(items) == [notes.lost(SINCE), notes.again(5), notes.lost(SINCE + 60)]


def test_the_next_cell_is_told_too() -> None:
    following = Following(Recorder())
    for run in ("r1", "r2"):
        with following.awaiting(run) as items:
            following.tell(notes.lost(SINCE))
            assert told(items) == [notes.lost(SINCE)]


def test_a_disk_that_is_full_again_is_told_again() -> None:
    following = Following(Recorder())
    with following.awaiting("r1") as items:
        for _ in range(2):
            following.tell(notes.DISK_FULL)
        assert told(items) == [notes.DISK_FULL] * 2
