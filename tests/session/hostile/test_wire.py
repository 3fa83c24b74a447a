"""An agent that lies on the wire and in its journal: a clear error, no hang, and life goes on."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    KernelDiedError,
    ProtocolError,
    RemoteGPUError,
    WaitTimeoutError,
)
from jupyter_remote_gpu.magic.untrusted.gate import Gate
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.session import following, greeting, remote_python, trouble, waiting
from tests.session.hostile.lies import MANY
from tests.session.hostile.lying_agent import KERNEL, LyingAgent, LyingTransport
from tests.session.recording import Bench

Open = Callable[..., Bench]


@pytest.fixture
def lying(tmp_path: Path) -> Iterator[Open]:
    """Opens a session with a lying agent, which is in the bench's `agent`."""
    agents: list[LyingAgent] = []
    benches: list[Bench] = []

    def opened(**options: Any) -> Bench:
        agents.append(LyingAgent(tmp_path, **options))
        benches.append(Bench(LyingTransport(agents[-1]), tmp_path, Gate("test").admit))
        return benches[-1]

    yield opened
    for bench in benches:
        bench.close()
    for agent in agents:
        agent.close()


def is_whole(bench: Bench) -> None:
    """The session serves honest cells again, after a fresh start of the kernel there."""
    bench.session.stop()
    outcome = bench.remote("'honest'")
    assert outcome.error is None
    assert bench.front_end.text() == "honest\n"


def test_an_honest_agent_is_served(lying: Open) -> None:
    is_whole(lying())


@pytest.mark.parametrize(
    "lie",
    [
        "garbage",
        "oversize",
        "two_gigabytes",
        "long_head",
        "foreign_message",
        "deep_message",
        "numbers_jump",
        "half_an_event",
        "no_fields",
        "wrong_types",
        "not_json",
        "deep_event",
        "wide_event",
    ],
)
def test_what_cannot_be_understood_is_an_error_after_three_times(lying: Open, lie: str) -> None:
    bench = lying()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RemoteGPUError) as raised:
        bench.remote(repr(lie))
    # Bytes that look like a frame of a wrong check, or a repeated run, may be met a few times more.
    assert isinstance(raised.value, (ProtocolError, ConnectionLostError))
    assert raised.value.hint
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300_000, f"{grown} KB for nothing"
    is_whole(bench)


@pytest.mark.parametrize(
    ("lie", "text"),
    [
        ("unasked_answers", "honest\n"),
        ("foreign_kernels_events", "honest\n"),
        ("numbers_go_back", "once\n"),
        ("unknown_kinds", "still here\n"),
        ("another_runs_end", "still running\n"),
        ("many_beginnings", ""),
    ],
)
def test_what_concerns_nobody_is_left_out(lying: Open, lie: str, text: str) -> None:
    bench = lying()
    assert bench.remote(repr(lie)).error is None
    assert bench.front_end.text() == text
    is_whole(bench)


def test_a_report_that_is_none_is_an_error(lying: Open) -> None:
    bench = lying()
    with pytest.raises(ProtocolError):
        bench.remote("'report_that_is_none'")
    is_whole(bench)


@pytest.mark.parametrize("lie", ["damaged_for_ever", "hangs_up"])
def test_a_line_that_only_breaks_is_given_up_in_the_end(
    lying: Open, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "RECONNECT_SECONDS", 1.0)
    bench = lying()
    if lie == "hangs_up":
        bench.session.ready()
        # From now on it hangs up at whatever comes behind the greeting.
        agent = _agent(bench)
        agent._answers["run"] = agent._answers["follow"] = lambda talk, message: talk.hang_up()
    with pytest.raises((ConnectionLostError, ProtocolError)):
        bench.remote(repr(lie))
    assert _agent(bench).connections < 200, "it was met without a pause"
    _agent(bench)._answers.clear()
    is_whole(bench)


def _agent(bench: Bench) -> LyingAgent:
    transport: Any = bench.session._transport
    found: LyingAgent = transport.agent
    return found


def test_an_agent_that_says_nothing_is_not_waited_for_long(
    lying: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_python, "OPEN_SECONDS", 0.5)
    bench = lying(answers={"open_kernel": lambda talk, message: None})
    with pytest.raises(WaitTimeoutError):
        bench.remote("'honest'")
    _agent(bench)._answers.clear()
    is_whole(bench)


def test_an_agent_that_never_greets_is_not_waited_for_long(
    lying: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting, "GREETING_SECONDS", 0.3)
    wait = threading.Event()
    bench = lying(greet=lambda opened: wait.wait(10))
    with pytest.raises(ConnectionLostError, match="greeting"):
        bench.remote("'honest'")
    wait.set()
    is_whole(bench)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH", b"\x00" * 8, b""])
def test_what_answers_there_may_be_no_agent(lying: Open, said: bytes) -> None:
    def greet(opened: Any) -> bool:
        opened.sendall(said)
        return False

    bench = lying(greet=greet)
    with pytest.raises((ProtocolError, ConnectionLostError)):
        bench.remote("'honest'")
    _agent(bench)._greet = None
    is_whole(bench)


WRONG: list[dict[str, Any]] = [
    {},
    {**KERNEL, "kernel": 5},
    {**KERNEL, "kernel": ""},
    {**KERNEL, "started": "now"},
    {**KERNEL, "busy": None},
    {**KERNEL, "pid": -1},
    {"kernel": [[[[[[[[[[]]]]]]]]]]},
]


@pytest.mark.parametrize("result", WRONG, ids=lambda result: str(result)[:40])
def test_wrong_answers_are_errors(lying: Open, result: dict[str, Any]) -> None:
    def answer(talk: Any, message: Any) -> messages.Message:
        return messages.Done(request=message.request, result=result)

    bench = lying(answers={"open_kernel": answer})
    with pytest.raises(ProtocolError, match="open_kernel"):
        bench.remote("'honest'")
    _agent(bench)._answers.clear()
    is_whole(bench)


def test_a_refusal_is_an_error_of_ours_in_plain_text(lying: Open) -> None:
    def answer(talk: Any, message: Any) -> messages.Message:
        evil = "no\x1b]52;c;x\x07"
        return messages.Failed(request=message.request, kind="SystemExit", message=evil, hint=evil)

    bench = lying(answers={"open_kernel": answer})
    with pytest.raises(RemoteGPUError) as raised:
        bench.remote("'honest'")
    assert str(raised.value) == "no\nno"


def test_many_tiny_events_come_whole_and_in_bounded_memory(
    lying: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST_WAITING_BYTES", 1_000_000)
    bench = lying()
    most = [0]
    seen = [0]

    def look(event: Event) -> None:
        seen[0] += len(event.fields.get("text", ""))
        if seen[0] % 1000 == 0:
            most[0] = max(most[0], bench.session._following._items.bytes)

    bench.front_end.on_event = look
    assert bench.remote("'tiny_events'").error is None
    assert seen[0] == MANY
    # One message of events is read at once.
    assert most[0] < 1_000_000 + 1000 * 600
    is_whole(bench)


def test_what_comes_after_the_end_is_late_and_asks_nobody(lying: Open) -> None:
    bench = lying()
    asked: list[str] = []
    bench.front_end.ask = lambda prompt, password: asked.append(prompt) or ""  # type: ignore[method-assign,func-returns-value]
    assert bench.remote("'events_after_the_end'").error is None
    is_whole(bench)
    assert asked == []
    assert "late" not in bench.front_end.text()


def test_a_run_that_never_ends_is_left_with_the_stop_button(lying: Open) -> None:
    bench = lying()

    def press(event: Event) -> None:
        if event.kind == "stream":
            for _ in range(waiting.INTERRUPTS_BEFORE_LEAVING + 1):
                signal.raise_signal(signal.SIGINT)

    bench.front_end.on_event = press
    with pytest.raises(KeyboardInterrupt, match="stopped waiting"):
        bench.remote("'never_ends'")
    is_whole(bench)


def test_a_loud_death_is_told_in_plain_text(lying: Open) -> None:
    bench = lying()
    with pytest.raises(KernelDiedError) as raised:
        bench.remote("'dies_loudly'")
    assert raised.value.message == "gone"
    is_whole(bench)
