"""Which failures are waited out, which end the trying, and after how long."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.errors import (
    AgentStartError,
    ConnectionLostError,
    DamagedError,
    HostKeyError,
    InternalError,
    KeyRefusedError,
    ProtocolError,
    ServerBusyError,
    UnknownHostError,
    UnreachableError,
    VersionMismatchError,
)
from jupyter_remote_gpu.session.trouble import (
    AWAY_PAUSE_SECONDS,
    MISREAD_TIMES,
    RECONNECT_SECONDS,
    REFUSED_TIMES,
    Trouble,
    lost,
)

NIGHT_SECONDS = 8 * 3600


@pytest.mark.parametrize("kind", [UnreachableError, ServerBusyError, UnknownHostError])
def test_a_machine_that_is_away_is_waited_for_all_night(kind: type[ConnectionLostError]) -> None:
    trouble = Trouble()
    assert not trouble.ended(3600.0, EOFError(), 0.0)
    for now in range(0, NIGHT_SECONDS, 60):
        trouble.next_pause()
        assert not trouble.failed(kind("away"), float(now))
        assert trouble.pause <= AWAY_PAUSE_SECONDS


@pytest.mark.parametrize("kind", [HostKeyError, VersionMismatchError])
def test_what_does_not_mend_itself_ends_it_at_once(kind: type[HostKeyError]) -> None:
    assert Trouble().failed(kind("no"), 0.0)


def test_a_refused_key_is_tried_a_few_times() -> None:
    trouble = Trouble()
    tries = [trouble.failed(KeyRefusedError("no"), 0.0) for _ in range(REFUSED_TIMES)]
    assert tries == [*[False] * (REFUSED_TIMES - 1), True]


def test_refusals_are_counted_anew_once_the_machine_was_away() -> None:
    trouble = Trouble()
    for _ in range(3 * REFUSED_TIMES):
        assert not trouble.failed(KeyRefusedError("the ssh agent is locked"), 0.0)
        assert not trouble.failed(UnreachableError("no network"), 0.0)


def test_one_that_answers_but_brings_nothing_is_given_up_in_the_end() -> None:
    trouble = Trouble()
    assert not trouble.ended(0.1, EOFError(), 0.0)
    assert not trouble.failed(AgentStartError("no"), RECONNECT_SECONDS)
    assert trouble.failed(AgentStartError("no"), RECONNECT_SECONDS + 1)
    trouble.clear()
    assert not trouble.failed(AgentStartError("no"), RECONNECT_SECONDS + 2)


def test_nonsense_is_asked_for_again_only_so_often() -> None:
    trouble = Trouble()
    ends = [trouble.ended(0.1, ProtocolError("what?"), 0.0) for _ in range(MISREAD_TIMES)]
    assert ends == [*[False] * (MISREAD_TIMES - 1), True]
    assert not Trouble().ended(0.1, DamagedError("a bit"), 0.0)
    assert Trouble().ended(0.1, InternalError("ours"), 0.0)


def test_the_first_attempt_comes_at_once_and_the_next_ones_later() -> None:
    trouble = Trouble()
    pauses = [trouble.next_pause() for _ in range(5)]
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses) and pauses[-1] > 0


@pytest.mark.parametrize("kind", [HostKeyError, KeyRefusedError])
def test_what_is_told_keeps_its_kind_and_says_that_the_run_goes_on(
    kind: type[ConnectionLostError],
) -> None:
    told = lost(kind("the reason", hint="Do this."))
    assert isinstance(told, kind)
    assert "the reason" in told.message
    assert told.hint is not None and told.hint.startswith("Do this.") and "attach" in told.hint
