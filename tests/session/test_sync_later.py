"""Large files that come in the background: which comes first, and what becomes of odd ones."""

from __future__ import annotations

import random
import threading

import pytest

from jupyter_remote_gpu.errors import ConnectionLostError
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.session import sync_later
from jupyter_remote_gpu.session.sync import SMALL_BYTES
from tests.files.trees import write
from tests.session.wiring import Wired

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")
LARGE = random.Random(2).randbytes(SMALL_BYTES + 1)


class HeldBack:
    """Keeps what comes in the background until it may."""

    def __init__(self, wired: Wired) -> None:
        self.may = threading.Event()
        self.asked = threading.Event()
        self._main = threading.current_thread()
        wired.before = self

    def __call__(self, message: messages.Message) -> None:
        """Hold a request for chunks back, if a thread of the background makes it."""
        if isinstance(message, project.GiveChunks) and threading.current_thread() != self._main:
            self.asked.set()
            assert self.may.wait(60)


def test_what_somebody_waits_for_comes_first(wired: Wired) -> None:
    wired.run()
    held = HeldBack(wired)
    wired.run(lambda: write(wired.there, {"a.pt": LARGE, "b.pt": LARGE + LARGE[::-1]}))
    assert held.asked.wait(60)
    assert not wired.sync.await_coming(["b.pt"], 0)
    held.may.set()
    assert wired.sync.await_coming(["b.pt"], 60)
    assert (wired.here / "b.pt").read_bytes() == LARGE + LARGE[::-1]
    assert wired.sync.await_coming(["a.pt", "never.pt"], 60)
    assert (wired.here / "a.pt").read_bytes() == LARGE


def test_a_file_that_fails_holds_up_none_that_somebody_waits_for(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_later, "RETRY_SECONDS", (60.0,))
    wired.run()
    failed = threading.Event()

    def cut_once(message: messages.Message) -> None:
        if isinstance(message, project.GiveChunks) and not failed.is_set():
            failed.set()
            raise ConnectionLostError("the connection is cut")

    wired.before = cut_once
    wired.run(lambda: write(wired.there, {"a.pt": LARGE, "b.pt": LARGE + LARGE[::-1]}))
    assert failed.wait(60)
    assert wired.sync.await_coming(["b.pt"], 30)
    assert (wired.here / "b.pt").read_bytes() == LARGE + LARGE[::-1]
    assert wired.sync.await_coming(["a.pt"], 30)


def test_a_file_that_is_written_anew_while_it_comes_arrives_as_it_is_then(wired: Wired) -> None:
    wired.run()
    held = HeldBack(wired)
    wired.run(lambda: write(wired.there, {"a.pt": LARGE}))
    assert held.asked.wait(60)
    newer = LARGE[::-1]
    write(wired.there, {"a.pt": newer})
    wired.projects.close()  # nor does anybody there remember the pieces of the old one
    held.may.set()
    assert wired.sync.await_coming(["a.pt"], 60)
    assert (wired.here / "a.pt").read_bytes() == newer


def test_what_is_pulled_is_waited_for_if_it_is_on_its_way(wired: Wired) -> None:
    wired.run()
    held = HeldBack(wired)
    wired.run(lambda: write(wired.there, {"a.pt": LARGE}))
    assert held.asked.wait(60)
    held.may.set()
    report = wired.sync.pull(["a.pt"])
    assert [one.path for one in report.back] == ["a.pt"]
    assert (wired.here / "a.pt").read_bytes() == LARGE


def test_what_was_given_up_is_told_by_a_sync_and_comes_with_the_next(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_later, "RETRY_SECONDS", (0.0,))
    wired.run()
    waited_for = threading.Event()

    def cut(message: messages.Message) -> None:
        if isinstance(message, project.GiveChunks):
            assert waited_for.wait(60)
            raise ConnectionLostError("the connection is cut")

    wired.before = cut
    wired.run(lambda: write(wired.there, {"a.pt": LARGE}))
    assert [one.file.path for one in wired.sync.coming()] == ["a.pt"]
    report = wired.sync.sync(lambda step: waited_for.set())
    assert report.refused == {"a.pt": "it did not come: the connection is cut"}
    assert [one.file.path for one in wired.sync.given_up()] == ["a.pt"]
    wired.before = lambda message: None
    report = wired.sync.sync()
    assert [one.path for one in report.back] == ["a.pt"]
    assert not report.refused
    assert wired.sync.given_up() == ()
