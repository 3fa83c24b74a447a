"""A link that is cut, forgets, or sleeps while a cell runs: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from jupyter_remote_gpu.protocol.events import Event
from tests.lab.lab import Lab
from tests.session.recording import Bench

pytestmark = pytest.mark.root

LINES = 100_000
PRINTS = f"""
import time
for i in range({LINES}):
    print(i)
    if i % 1000 == 0: time.sleep(0.03)
"""


def once(act: Callable[[], None], when: str) -> Callable[[Event], None]:
    """Return what acts at the first output that holds a text."""
    done = threading.Event()

    def look(event: Event) -> None:
        if when in event.fields.get("text", "") and not done.is_set():
            done.set()
            act()

    return look


def cut_for(lab: Lab, seconds: float) -> Callable[[], None]:
    """Return what cuts the link for so long."""

    def act() -> None:
        lab.link.cut()
        threading.Timer(seconds, lab.link.mend).start()

    return act


def is_whole(bench: Bench) -> None:
    """Every line came once and in order, and the user was told once of each change."""
    assert bench.front_end.text() == "".join(f"{i}\n" for i in range(LINES))
    told = [note for note in bench.front_end.notes if "waiting for" not in note]
    assert [("reconnecting" in note, "connected again" in note) for note in told] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.usefixtures("impatient")
@pytest.mark.alone
def test_a_link_cut_in_the_middle_of_many_lines(lab: Lab, bench: Bench) -> None:
    bench.remote("1")
    lab.link.shape(rtt_ms=20, mbit=100)
    bench.front_end.on_event = once(cut_for(lab, 5), "\n20000\n")
    assert bench.remote(PRINTS).error is None
    is_whole(bench)


@pytest.mark.slow
def test_a_link_cut_for_a_minute(lab: Lab, bench: Bench) -> None:
    """As users have it, with the pauses that they have."""
    bench.remote("1")
    lab.link.shape(rtt_ms=20, mbit=100)
    bench.front_end.on_event = once(cut_for(lab, 60), "\n20000\n")
    assert bench.remote(PRINTS).error is None
    is_whole(bench)


@pytest.mark.usefixtures("impatient")
def test_a_firewall_that_forgets_idle_connections_is_kept_in_mind(lab: Lab, bench: Bench) -> None:
    bench.remote("1")
    lab.link.forget_idle(2)
    assert bench.remote("import time\ntime.sleep(5)\nprint('here')").error is None
    assert bench.front_end.text() == "here\n"
    assert bench.front_end.notes == []


@pytest.mark.usefixtures("impatient")
def test_a_firewall_that_forgot_a_connection_is_noticed(lab: Lab, bench: Bench) -> None:
    bench.remote("1")
    begun = threading.Event()

    def forget() -> None:
        lab.link.forget_idle(0.001)
        begun.set()
        threading.Timer(1.0, lambda: lab.link.forget_idle(30)).start()

    bench.front_end.on_event = once(forget, "begun")
    code = "import time\nprint('begun')\nfor i in range(60):\n    time.sleep(0.1); print(i)"
    assert bench.remote(code).error is None
    assert begun.is_set()
    assert bench.front_end.text() == "begun\n" + "".join(f"{i}\n" for i in range(60))


@pytest.mark.usefixtures("impatient")
def test_stop_is_heard_once_the_link_is_back(lab: Lab, bench: Bench) -> None:
    """What is asked for while there is no connection is done once, when there is one."""
    bench.remote("import time")

    def stop() -> None:
        lab.link.cut()
        threading.Timer(2.5, bench.session.interrupt).start()
        threading.Timer(4, lab.link.mend).start()

    bench.front_end.on_event = once(stop, "begun")
    outcome = bench.remote("print('begun')\ntry: time.sleep(100)\nfinally: print('ended')")
    assert outcome.error is not None and outcome.error["name"] == "KeyboardInterrupt"
    assert bench.front_end.text() == "begun\nended\n"


@pytest.mark.usefixtures("impatient")
def test_values_move_on_a_new_line_after_a_cut(lab: Lab, bench: Bench) -> None:
    """The line that values took died with the link, and would be silent for long."""
    bench.names["sent"] = os.urandom(2_000_000)
    bench.remote("import time\nsize = len(sent)")
    bench.front_end.on_event = once(cut_for(lab, 3), "3")
    bench.remote("for i in range(60): print(i); time.sleep(0.1)")
    bench.names["more"] = os.urandom(3_000_000)
    assert bench.remote("print(len(more) - size)").error is None
    assert bench.front_end.text() == "1000000\n"


@pytest.mark.usefixtures("impatient")
def test_cuts_leave_no_processes_on_the_machine(lab: Lab, bench: Bench) -> None:
    bench.remote("import time")
    code = "for i in range(40): print(i); time.sleep(0.1)"
    for _ in range(3):
        bench.front_end.on_event = once(cut_for(lab, 2.5), "3")
        assert bench.remote(code).error is None
    deadline = time.monotonic() + 40
    while len(connected := _connected(lab)) > 2:  # one for cells, one for values
        assert time.monotonic() < deadline, connected
        time.sleep(0.1)


def _connected(lab: Lab) -> list[str]:
    return [words for _, words in lab.machine.processes() if "launch.py connect" in words]


@pytest.mark.usefixtures("impatient")
def test_a_machine_that_is_only_slow_keeps_its_connection(lab: Lab, bench: Bench) -> None:
    bench.remote("import time")
    agents = [pid for pid, words in lab.machine.processes() if "launch.py --home" in words]

    def stall() -> None:
        for pid in agents:
            os.kill(pid, signal.SIGSTOP)
            threading.Timer(4, os.kill, (pid, signal.SIGCONT)).start()

    bench.front_end.on_event = once(stall, "begun")
    assert agents
    assert bench.remote("print('begun')\ntime.sleep(6)\nprint('ended')").error is None
    assert bench.front_end.text() == "begun\nended\n"
