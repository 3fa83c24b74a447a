"""What may go wrong with a machine while a notebook uses it, and what the user is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import HostKeyError, KernelDiedError, KeyRefusedError, LostError
from jupyter_remote_gpu.session import greeting
from jupyter_remote_gpu.session.place import Workspace
from jupyter_remote_gpu.transport.ssh.transport import SSHTransport
from tests.lab.lab import Lab, open_lab
from tests.lab.machine import USER
from tests.session.recording import Bench

from .test_cuts import once

pytestmark = pytest.mark.root
TICKS = "import time\nfor i in range(60):\n    print(i); time.sleep(0.1)"
TICKED = "".join(f"{i}\n" for i in range(60))


def after(seconds: float, *acts: object) -> None:
    """Do these one after the other, in a while."""

    def do() -> None:
        for act in acts:
            assert callable(act)
            act()

    threading.Timer(seconds, do).start()


def test_an_ssh_server_that_is_restarted_is_waited_for(lab: Lab, bench: Bench) -> None:
    bench.remote("1")

    def restart() -> None:
        lab.stop_sshd()
        after(2, lab.start_sshd)

    bench.front_end.on_event = once(restart, "5")
    assert bench.remote(TICKS).error is None
    assert bench.front_end.text() == TICKED
    lost, again = bench.front_end.notes
    assert "connection lost at" in lost and "connected again after" in again


def test_a_host_key_that_changes_meanwhile_is_a_hard_stop(lab: Lab, bench: Bench) -> None:
    bench.remote("1")

    def impersonate() -> None:
        lab.stop_sshd()
        lab.change_host_key()
        lab.start_sshd()

    bench.front_end.on_event = once(impersonate, "5")
    try:
        with pytest.raises(HostKeyError, match="has changed") as caught:
            bench.remote(TICKS)
        assert "attach" in str(caught.value) and "ssh-keygen -R" in str(caught.value)
        # nor is anything tried again behind the user's back
        with pytest.raises(HostKeyError, match="has changed"):
            bench.remote("1")
    finally:
        lab.know_host()
    assert bench.remote("print('back')").error is None


def test_a_key_that_is_taken_away_ends_the_trying(lab: Lab, bench: Bench) -> None:
    bench.remote("1")
    keys = lab.folder / "authorized_keys"
    kept = keys.read_text()

    def lock_out() -> None:
        keys.write_text("")
        lab.stop_sshd()
        lab.start_sshd()

    bench.front_end.on_event = once(lock_out, "5")
    try:
        with pytest.raises(KeyRefusedError, match="refused the key"):
            bench.remote(TICKS)
    finally:
        keys.write_text(kept)
    assert bench.remote("print('back')").error is None


def test_a_machine_that_is_rebooted_in_a_run_has_lost_what_was_there(
    lab: Lab, bench: Bench
) -> None:
    bench.remote("made_there = 1")
    bench.front_end.on_event = once(lambda: after(0, lab.reboot), "5")
    with pytest.raises(KernelDiedError, match="restarted") as caught:
        bench.remote(TICKS)
    assert "made_there" in str(caught.value)
    assert bench.remote("print('anew')").error is None
    assert bench.front_end.text() == "anew\n"


def test_a_machine_that_is_rebooted_between_cells_is_used_anew(lab: Lab, bench: Bench) -> None:
    """What went with it is named to whoever runs the next cell, whatever that cell needs."""
    bench.names["of_here"] = [1]
    bench.remote("made_there = of_here")
    lab.reboot()
    deadline = time.monotonic() + 20
    while bench.session._following.kernel_died is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert bench.remote("print('anew')").error is None
    assert bench.front_end.text() == "anew\n"
    (told,) = [note for note in bench.front_end.notes if "Lost: " in note]
    assert "test ▸ " in told and "restarted" in told and "Lost: made_there" in told
    with pytest.raises(LostError, match="made_there"):
        bench.remote("print(made_there)")


def test_a_cell_right_after_a_restart_names_what_went(lab: Lab, bench: Bench) -> None:
    """It is sent before anybody here knows of the restart."""
    bench.remote("made_there = 1")
    lab.reboot()
    with pytest.raises(KernelDiedError, match="restarted") as caught:
        bench.remote("print('anew')")
    assert "made_there" in str(caught.value)
    assert bench.remote("print('anew')").error is None
    assert bench.front_end.text() == "anew\n"


def test_two_clients_have_a_kernel_each_on_one_machine(lab: Lab, bench: Bench) -> None:
    folder = f"/home/{USER}"
    place = Workspace("another notebook", folder, sys.executable)
    way = SSHTransport(lab.target(), lab.agent(), "a token")
    other = Bench(way, Path(folder), place=place)
    try:
        bench.remote("who = 'one'")
        other.remote("who = 'two'")
        for each, who in ((bench, "one"), (other, "two")):
            each.remote("print(who)")
            assert each.front_end.text() == f"{who}\n"
            assert each.front_end.notes == []
    finally:
        other.close()


@pytest.fixture
def watchful() -> Iterator[Lab]:
    """A machine whose server hangs up on clients that are silent for three seconds."""
    settings = {"ClientAliveInterval": "1", "ClientAliveCountMax": "3"}
    with open_lab(ours=True, settings=settings) as found:
        yield found


def test_a_client_that_sleeps_longer_than_the_other_side_waits(
    watchful: Lab, tmp_path: Path
) -> None:
    """The client and its ssh are stopped, as by a closed lid; the run goes on meanwhile."""
    (tmp_path / "client.py").write_text(_CLIENT)
    agent, target = watchful.agent(), watchful.target()
    words = [repr(target.options), repr(target.program), target.host]
    words += [agent.python[0], agent.launch, agent.home]
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, str(tmp_path / "client.py"), root, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "5\n"
        found = [client.pid, *_children(client.pid)]
        assert len(found) > 1, "its ssh was not found"
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 30
        while any("@notty" in words for _, words in watchful.machine.processes()):
            assert time.monotonic() < deadline, "the server did not hang up"
            time.sleep(0.1)
        for pid in found:
            os.kill(pid, signal.SIGCONT)
        assert client.stdout.read() == TICKED + "notes 2\n"


_CLIENT = """
import ast, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from jupyter_remote_gpu.transport.ssh.channel import SSHTarget
from jupyter_remote_gpu.transport.ssh.transport import RemoteAgent, SSHTransport
from tests.session.recording import Bench
options, program = map(ast.literal_eval, sys.argv[2:4])
agent = RemoteAgent((sys.argv[5],), sys.argv[6], sys.argv[7])
target = SSHTarget(sys.argv[4], options, program)
bench = Bench(SSHTransport(target, agent, "token"), Path("/home/rgpu-test"))
bench.remote("1")
def seen(event):
    if event.fields.get("text") == "5\\n":
        print(5, flush=True)
bench.front_end.on_event = seen
pause = "time.sleep(9 if i == 5 else 0.05)"
bench.remote(f"import time\\nfor i in range(60):\\n    print(i, flush=True); {pause}")
print(bench.front_end.text(), end="")
print("notes", len(bench.front_end.notes))
bench.close()
"""


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for path in listed for word in path.read_text().split()]


def test_a_clock_that_is_wrong_is_told_once_and_corrected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting, "our_clock", lambda: time.time() - 7300)
    before = time.time()
    bench.remote("1")
    bench.remote("2")
    assert [note for note in bench.front_end.notes if "clock" in note] == [
        "test ▸ the machine's clock is 2 h ahead of this computer's: secure connections and"
        " package installs may fail there until it is set right (times shown here are corrected)"
    ]
    started = bench.session.runs()[0]["started"]
    assert abs(started - (before - 7300)) < 60
