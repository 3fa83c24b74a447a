"""A machine that has nothing of ours is made ready in one step, or says why it cannot be."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import AgentStartError, DiskFullError
from jupyter_remote_gpu.machines.ssh import packing
from jupyter_remote_gpu.machines.ssh.bundle import OWN, bundle
from jupyter_remote_gpu.machines.ssh.known_agent import KnownAgent
from jupyter_remote_gpu.machines.ssh.visit import Visit
from tests.lab.lab import Lab
from tests.machines.ssh.conftest import Client

pytestmark = pytest.mark.root
BASE = ".local/share/jupyter_remote_gpu"


def logins(lab: Lab) -> int:
    return (lab.folder / "sshd.log").read_text().count("Accepted publickey")


def left_over(lab: Lab, base: str = BASE) -> list[str]:
    return [path.name for path in (lab.home / base).glob(".new*")]


def another_version(folder: Path, version: str) -> Path:
    """Return this package's files as those of another version."""
    own = folder / "jupyter_remote_gpu"
    shutil.copytree(OWN, own, ignore=shutil.ignore_patterns("__pycache__"))
    text = (own / "__init__.py").read_text()
    before = next(line for line in text.splitlines() if line.startswith("__version__"))
    (own / "__init__.py").write_text(text.replace(before, f'__version__ = "{version}"'))
    return own


def fake(lab: Lab, name: str, script: str) -> None:
    """Put a program before all others on the PATH of the machine's user."""
    tools = lab.home / "fakes"
    tools.mkdir(exist_ok=True)
    (tools / name).write_text(f"#!/bin/sh\n{script}\n")
    (tools / name).chmod(0o755)
    (lab.home / ".bashrc").write_text('PATH="$HOME/fakes:$PATH"\n')


def test_one_login_makes_ready_and_a_known_machine_needs_one(lab: Lab, client: Client) -> None:
    client.join()
    assert logins(lab) == 1
    (known,) = client.remembered
    unpacked = KnownAgent.unpack(json.loads(json.dumps(known.pack())))
    assert unpacked == known
    steps = len(client.steps)
    client.join(unpacked)
    assert logins(lab) == 2
    assert len(client.steps) == steps
    assert left_over(lab) == []


def test_steps_tell_what_is_done_and_how_far_it_is(client: Client) -> None:
    client.join()
    words = list(dict.fromkeys(step.what for step in client.steps))
    assert words[0].startswith("looking at rgpu-test@")
    assert words[1].startswith("fetching the agent for ")
    assert words[2:] == ["sending the agent", "starting the agent"]
    sending = [step for step in client.steps if step.what == "sending the agent"]
    assert [s.done for s in sending] == sorted(s.done for s in sending)
    assert sending[-1].done == sending[-1].total > 10 << 20


def test_an_update_of_this_package_carries_only_its_own_files(
    lab: Lab, client: Client, tmp_path: Path
) -> None:
    client.join()
    newer = Client(client.target, client.cache, own=another_version(tmp_path, "99.0"))
    newer.join(client.remembered[0])
    assert 0 < newer.sent_bytes < 3 << 20
    assert newer.remembered[0].bundle != client.remembered[0].bundle


def test_what_was_deleted_there_is_put_there_again(lab: Lab, client: Client) -> None:
    known = client.join().known
    lab.run("rm", "-rf", f"/home/rgpu-test/{BASE}/agents", user=True)
    client.join(known)
    assert (lab.home / BASE / "agents").is_dir()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("rm {agent}/jupyter_remote_gpu/agent/splice.py", id="a file is gone"),
        pytest.param(": > {agent}/jupyter_remote_gpu/errors.py", id="a file is empty"),
        pytest.param("echo 'def (' > {agent}/jupyter_remote_gpu/agent/app.py", id="cut short"),
        pytest.param("rm -rf {agent}/site/zmq", id="a library is gone"),
        pytest.param("rm -rf {base}/parts/site-*", id="a part is gone"),
        pytest.param("rm -rf {base}/agents/*/jupyter_remote_gpu", id="an empty folder is left"),
    ],
)
def test_what_was_damaged_there_is_replaced(lab: Lab, client: Client, damage: str) -> None:
    known = client.join().known
    assert known is not None
    stop_agent(lab)
    base = f"/home/rgpu-test/{BASE}"
    agent = f"{base}/agents/{known.bundle}"
    lab.run("sh", "-c", damage.format(base=base, agent=agent), user=True)
    client.join(known)
    stop_agent(lab)
    client.join(known)


def test_damage_to_what_an_agent_loads_later_is_mended_by_the_next_connection(
    lab: Lab, client: Client
) -> None:
    known = client.join().known
    assert known is not None
    stop_agent(lab)
    damaged = lab.home / BASE / "agents" / known.bundle / "jupyter_remote_gpu/agent/project.py"
    before = damaged.read_text()
    damaged.write_text("def (")
    client.join(known)  # what it needs for this is whole
    await_no_agent(lab)
    client.join(known)
    assert damaged.read_text() == before


def stop_agent(lab: Lab) -> None:
    """End the agent that runs on the machine."""
    lab.run("pkill", "-f", "launch.py --home", user=True)
    await_no_agent(lab)


def await_no_agent(lab: Lab) -> None:
    """Wait until no agent runs on the machine."""
    lab.run("sh", "-c", "while pgrep -f 'launch.py --[h]ome'; do sleep 0.02; done", user=True)


@pytest.mark.parametrize("part", range(6))
def test_a_connection_that_breaks_while_sending_leaves_nothing(
    lab: Lab, client: Client, part: int
) -> None:
    """It is cut after the first piece, in the middle, behind the last byte of each part."""
    found = client.machine().facts
    python = found.python()
    assert python is not None
    wanted = bundle(found.platform, python.version)
    path = wanted.paths[part // 2]
    archive = wanted.packed(path, client.cache).archive
    cut_at = archive.stat().st_size if part % 2 else 1 + archive.stat().st_size // 3
    done = 0
    visit = Visit(client.target)

    def sent(count: int) -> None:
        nonlocal done
        done += count
        if done >= cut_at:
            visit.channel.process.kill()
            visit.channel.process.wait()

    with visit, pytest.raises((AgentStartError, OSError)):
        visit.unpack(archive, found.base, path, sent)
    assert not (lab.home / BASE / path).exists()
    client.join()
    assert left_over(lab) == []


def test_two_clients_at_once_do_not_meet(lab: Lab, client: Client) -> None:
    clients = [Client(client.target, client.cache, token=f"token {i}") for i in range(3)]
    machines = [one.machine() for one in clients]
    opened = []

    def join(i: int) -> None:
        opened.append(machines[i].connect())

    threads = [threading.Thread(target=join, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 3
    for one in opened:
        one.close()
    # the two that came second say where the first is, and end
    lab.run("sh", "-c", "while [ $(pgrep -fc 'launch.py --[h]ome') -gt 1 ]; do sleep 0.02; done")
    assert left_over(lab) == []
    for folder in ("agents", "parts"):
        assert not list((lab.home / BASE / folder).glob("*/arrived"))


def test_a_disk_without_room_is_told_before_anything_is_sent(lab: Lab, client: Client) -> None:
    lab.run("mount", "-t", "tmpfs", "-o", f"size=20m,uid={lab.machine.uid}", "none", home())
    with pytest.raises(DiskFullError, match=r"has (19|20) MB free .* needs 1\d\d MB"):
        client.join()
    assert client.sent_bytes == 0


def test_a_disk_that_runs_full_on_the_way_is_cleaned_up(lab: Lab, client: Client) -> None:
    lab.run("mount", "-t", "tmpfs", "-o", f"size=20m,uid={lab.machine.uid}", "none", home())
    script = (
        f"mkdir {home()}/fakes; echo '{PLENTY}' > {home()}/fakes/df; chmod -R a+rx {home()}/fakes;"
        f" echo 'PATH=$HOME/fakes:$PATH' > {home()}/.bashrc"
    )
    lab.run("sh", "-c", script)
    with pytest.raises(DiskFullError, match=r"ran full while parts/uv-.* removed again"):
        client.join()
    assert lab.run("sh", "-c", f"ls -A {home()}/{BASE}/parts {home()}/{BASE}").split() == [
        f"{home()}/{BASE}:", "parts", f"{home()}/{BASE}/parts:",
    ]  # fmt: skip


def test_a_quota_is_told(lab: Lab, client: Client) -> None:
    limited = f"size=900m,usrquota,usrquota_block_hardlimit=20m,uid={lab.machine.uid}"
    try:
        lab.run("mount", "-t", "tmpfs", "-o", limited, "none", home())
    except RuntimeError:
        pytest.skip("this system's tmpfs has no quotas")
    with pytest.raises(DiskFullError, match=r"quota .* was reached"):
        client.join()


def home() -> str:
    return "/home/rgpu-test"


PLENTY = "#!/bin/sh\necho head\necho none 99999999 0 99999999 0% /"


def test_a_home_that_runs_no_programs_is_passed_over(lab: Lab, client: Client) -> None:
    lab.run("mount", "-t", "tmpfs", "-o", f"noexec,uid={lab.machine.uid}", "none", home())
    machine = client.join()
    assert machine.facts.base == f"/var/tmp/jupyter_remote_gpu-{lab.machine.uid}"


def test_a_home_that_cannot_be_written_is_passed_over(lab: Lab, client: Client) -> None:
    lab.run("mount", "-o", "bind,ro", home(), home())
    lab.run("mount", "-o", "remount,bind,ro", home())
    machine = client.join()
    assert machine.facts.base.startswith("/var/tmp/")


def test_where_no_folder_will_do_each_is_named_with_its_reason(lab: Lab, client: Client) -> None:
    lab.run("mount", "-t", "tmpfs", "-o", f"noexec,uid={lab.machine.uid}", "none", home())
    lab.run("mount", "-t", "tmpfs", "-o", "ro", "none", "/var/tmp")
    with pytest.raises(AgentStartError, match=r"noexec.*not writable") as caught:
        client.join()
    assert "XDG_DATA_HOME" in str(caught.value)


@pytest.mark.parametrize(
    ("program", "script", "told"),
    [
        pytest.param("uname", "echo Darwin", "runs Darwin; machines must run Linux", id="system"),
        pytest.param(
            "uname", '[ "$1" = -m ] && echo riscv64 || /bin/uname "$@"', "of the kind riscv64",
            id="processor",
        ),
        pytest.param(
            "getconf", "[ $1 = LONG_BIT ] && echo 32 || /usr/bin/getconf $*", "a 32-bit system",
            id="32 bits",
        ),
        pytest.param("getconf", "echo glibc 2.12", "glibc 2.12, which is too old", id="glibc"),
        pytest.param("dd", '[ $# = 2 ] && exec /bin/dd "$@"; exit 1', "no dd that", id="dd"),
    ],
)  # fmt: skip
def test_a_machine_that_can_never_do_says_why(
    lab: Lab, client: Client, program: str, script: str, told: str
) -> None:
    fake(lab, program, script)
    with pytest.raises(AgentStartError, match=told):
        client.join()


def test_an_archive_can_be_carried_whole_or_not_at_all(
    lab: Lab, client: Client, tmp_path: Path
) -> None:
    machine = client.join()
    made = tmp_path / "made"
    (made / "below").mkdir(parents=True)
    (made / "below" / "file").write_bytes(bytes(300_000))
    packing.pack(made, tmp_path / "made.tar.gz")
    machine.carry(tmp_path / "made.tar.gz", "wheels/one")
    machine.carry(tmp_path / "made.tar.gz", "wheels/one")
    assert (lab.home / BASE / "wheels/one/below/file").stat().st_size == 300_000
    (tmp_path / "broken.tar.gz").write_bytes((tmp_path / "made.tar.gz").read_bytes()[:200])
    with pytest.raises(AgentStartError, match="could not be unpacked"):
        machine.carry(tmp_path / "broken.tar.gz", "wheels/two")
    assert not (lab.home / BASE / "wheels/two").exists()


def test_archives_that_nobody_used_for_long_are_dropped(tmp_path: Path) -> None:
    for name in ("old", "new"):
        packing.packed(tmp_path, name, lambda root: None)
    (tmp_path / ".making-half").mkdir()
    for name in ("old.tar.gz", ".making-half"):
        os.utime(tmp_path / name, (0, 0))
    packing.prune(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.size", "new.tar.gz"]
