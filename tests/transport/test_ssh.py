"""The way through SSH, against a real OpenSSH server: bytes, noise, shells, refusals."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import jupyter_remote_gpu
from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.commands import ways
from jupyter_remote_gpu.config import RemoteGPU
from jupyter_remote_gpu.errors import (
    AgentMissingError,
    ConnectionLostError,
    HostKeyError,
    KeyRefusedError,
    UnknownHostError,
)
from jupyter_remote_gpu.machines.known import KnownMachine
from jupyter_remote_gpu.transport.ssh.channel import SSHTarget, open_channel, run_script
from jupyter_remote_gpu.transport.ssh.transport import RemoteAgent, SSHTransport
from tests.session.recording import Bench
from tests.ssh_host import SSHD, SSHHost, make_key

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(SSHD is None, reason="no OpenSSH server is installed"),
]
MARK = 'printf "%s\\n" "$mark"\n'
LAUNCH = Path(jupyter_remote_gpu.__file__).parent / "agent" / "launch.py"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SSHHost]:
    found = SSHHost(tmp_path_factory.mktemp("ssh"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def bench(host: SSHHost, tmp_path: Path) -> Iterator[Bench]:
    home = tmp_path / "agent"
    agent = RemoteAgent((sys.executable,), str(LAUNCH), str(home))
    found = Bench(SSHTransport(host.target(), agent, "a token of the client's"), tmp_path)
    yield found
    found.close()
    end_machine(home)


def test_a_script_gets_its_input_and_gives_its_output(host: SSHHost) -> None:
    given = os.urandom(300_000)
    script = f"{MARK}cat; echo told >&2; exit 3\n"
    assert run_script(host.target(), script, given, seconds=20) == (3, given, "told")


def test_what_start_up_files_print_is_not_taken_for_ours(host: SSHHost) -> None:
    noisy = host.home / ".bashrc"
    noisy.write_text("printf 'welcome, no newline'; echo; echo mark-; echo oops >&2\n")
    try:
        status, output, _ = run_script(host.target(), f"{MARK}echo ours\n", seconds=20)
    finally:
        noisy.unlink()
    assert (status, output) == (0, b"ours\n")


@pytest.mark.parametrize("shell", ["fish", "csh", "tcsh", "zsh", "dash"])
def test_any_login_shell_will_do(shell: str) -> None:
    """The one command line that is sent means the same to each of them."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    from jupyter_remote_gpu.transport.ssh.channel import REMOTE_COMMAND

    script = b"printf '%s-%s' one \"two's\"; cat\n"
    ran = subprocess.run(
        [found, "-c", REMOTE_COMMAND],
        input=b"%d\n%srest" % (len(script), script),
        capture_output=True,
        check=True,
    )
    assert ran.stdout == b"one-two'srest"


def test_cells_run_and_values_move_over_ssh(bench: Bench) -> None:
    sent = bench.names["sent"] = os.urandom(3_000_000)
    outcome = bench.remote("got = sent[::-1]\nprint(len(got))")
    assert outcome.error is None
    assert [e.fields["text"] for e in bench.front_end.events if e.kind == "stream"] == ["3000000\n"]
    bench.session.fetch(["got"])
    assert bench.names["got"] == sent[::-1]


def test_a_connection_that_is_killed_is_made_again(bench: Bench) -> None:
    bench.remote("import os, pathlib, time\nx = 1")
    code = (
        "pid = int(pathlib.Path('ssh').read_text())\n"
        "for i in range(300):\n    print(i, flush=True)\n    time.sleep(0.01)\n"
        "    if i == 20: os.kill(pid, 9)"
    )
    children = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-x", "ssh"], capture_output=True, text=True, check=True
    )
    (Path(bench.session.workspace.folder) / "ssh").write_text(children.stdout.split()[0])
    assert bench.remote(code).error is None
    texts = [e.fields["text"] for e in bench.front_end.events if e.kind == "stream"]
    assert "".join(texts) == "".join(f"{i}\n" for i in range(300))


def test_a_host_key_is_never_accepted_silently(host: SSHHost) -> None:
    with pytest.raises(HostKeyError, match="not known here"):
        open_channel(host.target(UserKnownHostsFile="/dev/null"), MARK)


@pytest.mark.parametrize("says", ["no", "accept-new", "ask", "yes"])
def test_what_a_configuration_says_of_host_keys_makes_none_of_them_known(
    host: SSHHost, tmp_path: Path, says: str
) -> None:
    """Many have `StrictHostKeyChecking no` for machines that come and go."""
    target = lenient(host, tmp_path, says, tmp_path / "none")
    with pytest.raises(HostKeyError, match="not known here") as caught:
        open_channel(target, MARK)
    assert "StrictHostKeyChecking=accept-new" in str(caught.value)
    assert not (tmp_path / "none").exists()


def test_a_changed_host_key_is_a_hard_stop_whatever_a_configuration_says(
    host: SSHHost, tmp_path: Path
) -> None:
    another_key(host, tmp_path)
    with pytest.raises(HostKeyError, match="has changed"):
        open_channel(lenient(host, tmp_path, "no", tmp_path / "known"), MARK)


def test_a_machine_of_its_own_can_be_allowed_any_key(host: SSHHost, tmp_path: Path) -> None:
    """What is written behind `%remote_gpu add` is the user's word for that machine."""
    given = {"StrictHostKeyChecking": "accept-new", "UserKnownHostsFile": str(tmp_path / "new")}
    open_channel(host.target(**given), MARK).close()
    assert (tmp_path / "new").exists()


def test_a_pinned_key_is_the_only_one_that_counts(host: SSHHost, tmp_path: Path) -> None:
    """A rented machine's key is pinned in a file of its own, and its options name that file."""
    pinned = KnownMachine("rented", host.target().host, host.target().options)
    found = KnownMachine.unpack("rented", json.loads(json.dumps(pinned.pack())))
    open_channel(ways.target(found, RemoteGPU().plain()), MARK).close()
    another_key(host, tmp_path)
    other = host.target(UserKnownHostsFile=str(tmp_path / "known")).options
    with pytest.raises(HostKeyError, match="has changed"):
        open_channel(ways.target(replace(found, options=other), RemoteGPU().plain()), MARK)


def lenient(host: SSHHost, folder: Path, says: str, known: Path) -> SSHTarget:
    """Return the way to a host through a configuration that has its own mind of host keys."""
    options = {word[2:].partition("=")[::2] for word in host.target().options if word[:2] == "-o"}
    settings = {**dict(options), "UserKnownHostsFile": str(known), "StrictHostKeyChecking": says}
    text = "".join(f"  {key} {value}\n" for key, value in settings.items())
    (folder / "config").write_text(f"Host box\n  HostName 127.0.0.1\n  User {host.user}\n{text}")
    return SSHTarget("box", ("-F", str(folder / "config")))


def another_key(host: SSHHost, folder: Path) -> None:
    """Write `known`, a file that has another key for the host."""
    make_key(folder / "other")
    kind, key = (folder / "other.pub").read_text().split()[:2]
    (folder / "known").write_text(f"[127.0.0.1]:{host.port} {kind} {key}\n")


def test_a_changed_host_key_is_a_hard_stop(host: SSHHost, tmp_path: Path) -> None:
    another_key(host, tmp_path)
    with pytest.raises(HostKeyError, match="has changed") as caught:
        open_channel(host.target(UserKnownHostsFile=str(tmp_path / "known")), MARK)
    assert "ssh-keygen -R" in str(caught.value)


def test_a_refused_key_says_what_to_do(host: SSHHost, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    with pytest.raises(KeyRefusedError, match="refused the key") as caught:
        open_channel(host.target(IdentityFile=str(tmp_path / "stranger")), MARK)
    assert "ssh-add" in str(caught.value)


def test_hosts_that_are_not_there(host: SSHHost) -> None:
    with pytest.raises(ConnectionLostError, match="cannot be reached"):
        open_channel(host.target(Port="1"), MARK)
    with pytest.raises(UnknownHostError, match="no host called"):
        open_channel(SSHTarget("nobody.invalid", ("-F", "/dev/null")), MARK)


def test_a_computer_without_ssh(host: SSHHost) -> None:
    with pytest.raises(ConnectionLostError, match="could not be run"):
        open_channel(SSHTarget("x", program=("/nowhere/ssh",)), MARK)


def test_a_shell_that_says_nothing_is_not_waited_for(host: SSHHost) -> None:
    slow = host.home / ".bashrc"
    slow.write_text("exec sleep 60\n")
    try:
        with pytest.raises(ConnectionLostError, match="did not answer within"):
            open_channel(host.target(), MARK, seconds=1.5)
    finally:
        slow.unlink()


def test_an_agent_that_is_not_there_is_told(host: SSHHost, tmp_path: Path) -> None:
    agent = RemoteAgent(("/nowhere/python",), "launch.py", str(tmp_path))
    with pytest.raises(AgentMissingError, match="not installed"):
        SSHTransport(host.target(), agent, "t").connect()


def test_nothing_secret_is_in_an_argument(host: SSHHost) -> None:
    assert "token" not in " ".join(host.target().command())


def test_an_ssh_that_ends_before_it_is_spoken_to_says_why(tmp_path: Path) -> None:
    """More than the socket between us holds is to be sent; nobody reads it."""
    quick = tmp_path / "ssh"
    quick.write_text("#!/bin/sh\necho 'ssh: Could not resolve hostname x' >&2\nexit 255\n")
    quick.chmod(0o755)
    with pytest.raises(UnknownHostError, match="no host called x"):
        open_channel(SSHTarget("x", program=(str(quick),)), MARK, given=bytes(4 << 20))
