"""Whatever ends when, nothing is lost: killed at each request, cut off at each, two at once."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import ConnectionLostError
from jupyter_remote_gpu.protocol import messages
from tests.files.trees import read, write
from tests.session.wiring import Wired

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")


class Killed(BaseException):
    """Stands for SIGKILL between two requests: nothing of the process goes on."""


def worked_on(folder: Path) -> Wired:
    """Return a project in which everything a sync can meet has happened since the last one."""
    wired = Wired(folder)
    base = {"same": "same", "here": "1", "there": "1", "both": "1", "gone/h": "1", "gone/t": "1"}
    write(wired.here, {**base, "large": random.Random(1).randbytes(3_000_000)})
    wired.sync.sync()
    write(wired.here, {"here": "mine", "both": "mine", "new/h": "mine"})
    write(wired.here, {"large": random.Random(1).randbytes(3_000_000) + b"more"})
    (wired.here / "gone/h").unlink()
    write(wired.there, {"there": "theirs", "both": "theirs", "new/t": "theirs", "out.csv": "1,2"})
    write(wired.there, {"model": random.Random(2).randbytes(5_000_000)})
    (wired.there / "gone/t").unlink()
    return wired


def assert_together(wired: Wired) -> None:
    """See that both sides are the same, and that nobody's work is lost."""
    wired.sync.sync()
    here, there = read(wired.here), read(wired.there)
    kept = {path: text for path, text in here.items() if "kept-from" in path}
    assert {path: text for path, text in here.items() if path not in kept} == there
    expected = {"same": "same", "here": "mine", "there": "theirs", "both": "mine"}
    expected |= {"new/h": "mine", "new/t": "theirs", "out.csv": "1,2"}
    assert {path: here.get(path) for path in expected} == expected
    assert kept == {"both.kept-from-box": "theirs"}
    assert not {"gone/h", "gone/t"} & here.keys()
    assert (wired.here / "large").read_bytes().endswith(b"more")
    assert (wired.here / "model").read_bytes() == random.Random(2).randbytes(5_000_000)
    assert not [p for folder in (wired.here, wired.there) for p in folder.glob(".~rgpu*")]


def points(wired: Wired, error: type[BaseException], number: int, *, after: bool) -> None:
    """Let the request of that number fail, before or after it was carried out."""
    numbers = itertools.count()

    def fail(message: messages.Message) -> None:
        if next(numbers) == number:
            raise error("here")

    if after:
        wired.after = fail
    else:
        wired.before = fail


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(8))
def test_both_sides_killed_around_a_request(tmp_path: Path, number: int, after: bool) -> None:
    wired = worked_on(tmp_path)
    points(wired, Killed, number, after=after)
    with contextlib.suppress(Killed):
        wired.sync.sync()
    wired.before = wired.after = lambda message: None
    wired.sync.close()
    wired.restart()
    wired.sync = wired.opened()
    assert_together(wired)
    wired.close()


@pytest.mark.parametrize("number", [0, 2, 4, 6])
def test_a_connection_that_is_cut(tmp_path: Path, number: int) -> None:
    wired = worked_on(tmp_path)
    points(wired, ConnectionLostError, number, after=number % 4 == 0)
    # the same process goes on, and so does the agent
    with contextlib.suppress(ConnectionLostError):
        wired.sync.sync()
    wired.before = wired.after = lambda message: None
    assert_together(wired)
    wired.close()


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    found = Wired(tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize("seed", range(3))
def test_two_notebooks_of_one_project(wired: Wired, seed: int) -> None:
    """Each syncs when its cells run; what one agreed on the other knows."""
    rnd = random.Random(seed)
    other = wired.opened()
    write(wired.here, {"start": "start"})
    for n in range(12):
        name, text = rnd.choice("abc"), f"{n}"
        one = rnd.choice([wired.sync, other])
        if rnd.random() < 0.5:
            write(wired.here, {name: text})
            wired.run(sync=one)
            assert (wired.there / name).read_text() == text
        else:
            wired.run(partial(write, wired.there, {name: text}), sync=one)
            assert (wired.here / name).read_text() == text
    assert read(wired.here) == read(wired.there)
    other.close()


def test_a_clock_that_is_wrong_changes_nothing(wired: Wired) -> None:
    """What decides is what lies there, not when it was written."""
    write(wired.here, {"a": "1", "b": "1"})
    wired.run()
    write(wired.there, {"a": "theirs"})
    os.utime(wired.there / "a", (0, 0))
    write(wired.here, {"b": "mine"})
    os.utime(wired.here / "b", (4e9, 4e9))
    wired.sync.sync()
    assert read(wired.here) == read(wired.there) == {"a": "theirs", "b": "mine"}
