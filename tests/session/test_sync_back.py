"""What comes back where something else lies here already."""

from __future__ import annotations

import random
from functools import partial

import pytest

from tests.files.trees import read, write
from tests.session.wiring import Wired


@pytest.fixture
def wired(wired: Wired) -> Wired:
    """A project whose outputs are not sent, and were made here before."""
    write(wired.here, {".gitignore": "out/\n", "out/log.csv": "made here"})
    return wired


def test_versions_of_what_is_not_sent_do_not_pile_up(wired: Wired) -> None:
    for text in ("first", "second", "third"):
        lines = wired.run(partial(write, wired.there, {"out/log.csv": text}))
        assert "out/log.kept-from-box.csv" in "".join(lines), lines
        assert read(wired.here) == {
            ".gitignore": "out/\n",
            "out": None,
            "out/log.csv": "made here",
            "out/log.kept-from-box.csv": text,
        }
        assert wired.run() == ()


def test_a_version_that_the_user_changed_stays(wired: Wired) -> None:
    wired.run(lambda: write(wired.there, {"out/log.csv": "first"}))
    write(wired.here, {"out/log.kept-from-box.csv": "edited"})
    wired.run(lambda: write(wired.there, {"out/log.csv": "second"}))
    found = read(wired.here)
    assert found["out/log.kept-from-box.csv"] == "edited"
    assert found["out/log.kept-from-box-2.csv"] == "second"
    assert found["out/log.csv"] == "made here"
    wired.run(lambda: write(wired.there, {"out/log.csv": "third"}))
    assert read(wired.here)["out/log.kept-from-box-2.csv"] == "third"


def test_what_the_user_threw_away_here_comes_back_in_its_place(wired: Wired) -> None:
    wired.run(lambda: write(wired.there, {"out/log.csv": "first"}))
    (wired.here / "out/log.csv").unlink()
    wired.run(lambda: write(wired.there, {"out/log.csv": "second"}))
    assert read(wired.here)["out/log.csv"] == "second"


def test_nothing_is_kept_of_large_files_that_have_come(wired: Wired) -> None:
    weights = random.Random(1).randbytes(20_000_000)
    for name in ("at-once.bin", "later.bin"):
        work = partial(write, wired.there, {name: weights})
        if name == "later.bin":
            wired.run(work)
        else:
            work()
        wired.sync.sync()
        assert (wired.here / name).read_bytes() == weights
        assert list((wired.folder / "state").rglob("*.pack")) == []
        weights = weights[::-1]


def test_what_lies_here_already_is_not_brought(wired: Wired) -> None:
    data = random.Random(2).randbytes(20_000_000)
    write(wired.here, {"out/w.bin": data})
    write(wired.there, {"out/w.bin": data, "out/log.csv": "made here"})
    report = wired.sync.sync()
    assert report.bytes_back < 100_000, "it was brought"
    assert report.conflicts == ()
    assert [one.path for one in report.back if one.bytes] == []
    assert wired.run() == ()
