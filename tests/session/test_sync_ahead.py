"""A first sync that goes on while an environment is built."""

from __future__ import annotations

import threading

import pytest

from jupyter_remote_gpu.errors import ConnectionLostError, FilesError
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.sync_ahead import Ahead
from tests.files.trees import read, write
from tests.session.wiring import Wired

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")


def hold(wired: Wired, kind: type[messages.Message]) -> tuple[threading.Event, threading.Event]:
    """Hold messages of a kind; return what is set by the first one, and what lets them go."""
    met, may = threading.Event(), threading.Event()

    def meet(message: messages.Message) -> None:
        if isinstance(message, kind):
            met.set()
            assert may.wait(60)

    wired.before = meet
    return met, may


def test_a_run_waits_for_the_sync_that_was_begun_ahead_and_tells_of_it_once(wired: Wired) -> None:
    write(wired.here, {"train.py": "1", "data.bin": "x" * 2_000_000})
    begun, may = hold(wired, project.LookProject)
    wired.sync.begin_ahead()
    assert begun.wait(60)
    waiting = threading.Thread(target=lambda: lines.extend(wired.run()))
    lines: list[str] = []
    waiting.start()
    assert not read(wired.there)
    may.set()
    waiting.join(60)
    assert lines == ["sent data.bin, train.py (2.0 MB)"]
    assert read(wired.there).keys() == {"train.py", "data.bin"}
    assert wired.kinds().count("change_project") == 1
    assert wired.run() == ()


def test_what_fails_ahead_is_met_again_by_the_run(wired: Wired) -> None:
    write(wired.here, {"train.py": "1"})

    def cut(message: messages.Message) -> None:
        raise ConnectionLostError("the connection is cut")

    wired.before = cut
    wired.sync.begin_ahead()
    with pytest.raises(ConnectionLostError):
        wired.sync.before_run()
    wired.before = lambda message: None
    wired.run()
    assert read(wired.there).keys() == {"train.py"}


def test_whoever_closes_does_not_wait_until_all_is_sent(wired: Wired) -> None:
    write(wired.here, {"data.bin": "x" * 2_000_000})
    sending, may = hold(wired, project.PutChunks)
    wired.sync.begin_ahead()
    assert sending.wait(60)
    closing = threading.Thread(target=wired.sync.close)
    closing.start()
    assert wired.sync._ahead._stopped.wait(60)
    may.set()
    closing.join(60)
    assert not closing.is_alive()
    assert "change_project" not in wired.kinds()


def test_who_stops_waiting_stops_the_work() -> None:
    ahead, ended = Ahead(), threading.Event()
    going = threading.Event()

    def work(told: object) -> None:
        assert callable(told)
        try:
            while not going.wait(0.001):
                told(Step("sending", 1, 2))
        except FilesError:
            ended.set()
            raise

    def stop(step: Step) -> None:
        assert step == Step("sending", 1, 2)
        raise KeyboardInterrupt

    ahead.begin(work)
    with pytest.raises(KeyboardInterrupt):
        ahead.join(stop)
    assert ended.wait(60)
