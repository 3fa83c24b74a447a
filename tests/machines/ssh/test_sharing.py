"""One machine, several clients and versions: runs go on, whoever comes, goes or is updated."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import KernelDiedError, VersionMismatchError
from tests.lab.lab import Lab, open_lab
from tests.machines.ssh.conftest import Client
from tests.machines.ssh.test_making_ready import another_version, fake, home
from tests.session.recording import Bench

pytestmark = pytest.mark.root
LINES = 400
COUNT = f"import time\nfor i in range({LINES}):\n    print(i, flush=True)\n    time.sleep(0.01)\n"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A machine whose image has the Python and the packages of this test run."""
    with open_lab(ours=True) as found:
        yield found


def agents(lab: Lab) -> list[tuple[int, str]]:
    """Return the agents that run: process number, and which bundle they are of.

    One that finds another serving, and is just about to end, does not count.
    """
    lab.run("sh", "-c", "while [ $(pgrep -fc 'launch.py --[h]ome') -gt 1 ]; do sleep 0.02; done")
    found = [(p, w) for p, w in lab.machine.processes() if "launch.py --home" in w]
    return [(pid, words.partition("/agents/")[2].partition("/")[0]) for pid, words in found]


def text(bench: Bench) -> str:
    return "".join(e.fields["text"] for e in bench.front_end.events if e.kind == "stream")


def bench(client: Client) -> Bench:
    return Bench(client.machine(), Path(home()))


def test_clients_of_several_computers_use_one_agent(lab: Lab, cache: Path) -> None:
    target = lab.target(way="lan")
    one, other = (bench(Client(target, cache, token=f"token {i}")) for i in range(2))
    one.remote("x = 'of one'")
    other.remote("x = 'of the other'")
    (first,) = agents(lab)
    one.remote("print(x)")
    assert text(one) == "of one\n"
    other.remote("print(x)")
    assert text(other) == "of the other\n"
    assert agents(lab) == [first]
    found = lab.run("sh", "-c", f"grep -rl 'token [01]' {home()} /tmp /proc/*/environ"
                    " /proc/*/cmdline 2>/dev/null || true")  # fmt: skip
    assert found == ""
    for each in (one, other):
        each.close()


def test_an_update_in_the_middle_of_a_run_loses_no_line(
    lab: Lab, cache: Path, tmp_path: Path
) -> None:
    target = lab.target(way="lan")
    older = bench(Client(target, cache))
    older.remote("x = 1")
    (before,) = agents(lab)
    newer = Client(target, cache, token="another", own=another_version(tmp_path, "99.0"))
    begun = threading.Event()
    older.front_end.on_event = lambda event: begun.set() if event.kind == "stream" else None
    running = threading.Thread(target=older.remote, args=(f"{COUNT}x += 1",))
    running.start()
    assert begun.wait(30)
    known = newer.join().known
    assert known is not None
    (after,) = agents(lab)
    assert after[0] != before[0]
    assert after[1] == known.bundle
    running.join()
    assert text(older) == "".join(f"{i}\n" for i in range(LINES))
    older.remote("print(x)")
    assert text(older) == "2\n"
    # the older version came back to the newer agent, and left it where it is
    assert agents(lab) == [after]
    assert Client(target, cache).join().known != known
    assert agents(lab) == [after]
    older.close()


def test_an_agent_that_is_killed_is_followed_by_one_that_adopts(lab: Lab, cache: Path) -> None:
    found = bench(Client(lab.target(way="lan"), cache))
    found.remote("x = [1]")
    begun = threading.Event()
    found.front_end.on_event = lambda event: begun.set() if event.kind == "stream" else None
    running = threading.Thread(target=found.remote, args=(f"{COUNT}x += [2]",))
    running.start()
    assert begun.wait(30)
    os.kill(agents(lab)[0][0], signal.SIGKILL)
    running.join()
    assert text(found) == "".join(f"{i}\n" for i in range(LINES))
    found.remote("print(x)")
    assert text(found) == "[1, 2]\n"
    found.close()


def test_an_agent_that_hangs_is_replaced(lab: Lab, cache: Path) -> None:
    client = Client(lab.target(way="lan"), cache)
    known = client.join().known
    ((pid, _),) = agents(lab)
    os.kill(pid, signal.SIGSTOP)
    client.join(known)
    ((after, _),) = agents(lab)
    assert after != pid


def test_a_machine_that_was_restarted_is_told_with_what_was_lost(lab: Lab, cache: Path) -> None:
    found = bench(Client(lab.target(way="lan"), cache))
    found.names["kept"] = [1, 2]
    found.remote("print(len(kept))\nlost = 'only there'")
    lab.reboot()
    with pytest.raises(KernelDiedError) as caught:
        found.remote("print(lost)")
    told = str(caught.value)
    assert "the machine was restarted at 20" in told
    assert "Lost: lost" in told
    assert found.remote("print(kept)").error is None
    assert text(found) == "[1, 2]\n"
    found.close()


@pytest.fixture
def logind(lab: Lab) -> Iterator[Path]:
    """A login's control group, whose processes the test kills when the login has ended.

    The machine's `loginctl` and `systemd-run` do with such groups what systemd does.
    """
    groups = Path(f"/sys/fs/cgroup/systemd/{lab.name}")
    session, service = groups / "session-1.scope", groups / "user.service"
    try:
        for folder in (session, service):
            folder.mkdir(parents=True)
            os.chown(folder / "cgroup.procs", lab.machine.uid, lab.machine.uid)
    except OSError as error:
        pytest.skip(f"left out: no control groups can be made here ({error})")
    fake(lab, "loginctl", 'case "$*" in *KillUserProcesses*) echo KillUserProcesses=yes;;'
         " *Linger*) echo Linger=$(cat $HOME/lingers 2>/dev/null || echo no);;"
         " enable-linger) echo yes >$HOME/lingers;; esac")  # fmt: skip
    fake(lab, "systemd-run", "while :; do case $1 in --*) shift;; *) break;; esac; done\n"
         f'echo $$ >{service}/cgroup.procs && exec "$@"')  # fmt: skip
    join = f'echo $$ >{session}/cgroup.procs; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    lab.configure(ForceCommand=f"sh -c '{join}'")
    lab.stop_sshd()
    lab.start_sshd()
    yield session
    lab.machine.stop()
    for folder in (session, service, groups):
        folder.rmdir()


def log_out(session: Path) -> None:
    """End a login as logind does with KillUserProcesses=yes."""
    for pid in (session / "cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)


def test_a_logout_that_ends_a_users_processes_ends_no_run(
    lab: Lab, cache: Path, logind: Path
) -> None:
    client = Client(lab.target(way="lan"), cache)
    found = bench(client)
    found.remote("x = 1")
    before = agents(lab)
    log_out(logind)
    assert agents(lab) == before
    found.remote("print(x)")
    assert text(found) == "1\n"
    assert client.machine(client.remembered[0]).notes == ()
    found.close()


def test_where_a_logout_cannot_be_outlived_it_is_told(lab: Lab, cache: Path, logind: Path) -> None:
    fake(lab, "systemd-run", "exit 1")
    machine = Client(lab.target(way="lan"), cache).join()
    (note,) = machine.notes
    assert "KillUserProcesses=yes" in note
    assert "enable-linger" in note


def test_a_version_of_other_protocols_waits_for_the_run_that_it_would_strand(
    lab: Lab, cache: Path, tmp_path: Path
) -> None:
    target = lab.target(way="lan")
    older = bench(Client(target, cache))
    older.remote("x = 1")
    (before,) = agents(lab)
    own = another_version(tmp_path, "99.0")
    version = own / "protocol" / "version.py"
    version.write_text(version.read_text().replace("_VERSION = 1", "_VERSION = 2")
                       .replace("KERNEL_PROTOCOL = 1", "KERNEL_PROTOCOL = 2"))  # fmt: skip
    newer = Client(target, cache, token="another", own=own)
    with pytest.raises(VersionMismatchError, match=r"cannot be replaced .* a notebook is"):
        newer.join()
    older.remote("print(x)")
    assert text(older) == "1\n"
    assert agents(lab) == [before]
    older.close()
    newer.join()
    (after,) = agents(lab)
    assert after[1] == newer.remembered[0].bundle
    with pytest.raises(VersionMismatchError, match="pip install -U"):
        Client(target, cache).join()
    assert agents(lab) == [after]
