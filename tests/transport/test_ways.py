"""Ways to a host other than the plainest, and servers that turn us away."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import ConnectionLostError, KeyRefusedError, ServerBusyError
from jupyter_remote_gpu.transport.ssh import channel
from jupyter_remote_gpu.transport.ssh.channel import OPTIONS, SSHTarget, open_channel, run_script
from jupyter_remote_gpu.transport.ssh.first_hop import FirstHop
from tests.lab.lab import open_lab
from tests.ssh_host import SSHD, SSHHost, make_key

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(SSHD is None, reason="no OpenSSH server is installed"),
]
MARK = 'printf "%s\\n" "$mark"\n'


@pytest.fixture
def host(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SSHHost]:
    """A server with the settings that the test's parameter names."""
    found = SSHHost(tmp_path / "host", settings=getattr(request, "param", {}))
    found.start()
    yield found
    found.stop()


def says(target: SSHTarget, script: str) -> str:
    """Run a script and return its output."""
    status, output, errors = run_script(target, MARK + script, seconds=20)
    assert status == 0, errors
    return output.decode()


def config_of(folder: Path, host: SSHHost, name: str, *lines: str) -> str:
    """Write an ssh configuration that knows a host by a name; return its path."""
    settings = {
        "HostName": "127.0.0.1",
        "Port": str(host.port),
        "User": host.user,
        "IdentityFile": str(host.folder / "user_key"),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": str(host.folder / "known_hosts"),
    }
    body = "".join(f"  {key} {value}\n" for key, value in settings.items())
    path = folder / "config"
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}Host {name}\n{body}" + "".join(f"  {line}\n" for line in lines))
    return str(path)


def test_a_name_of_the_user_s_own_configuration(host: SSHHost, tmp_path: Path) -> None:
    config = config_of(tmp_path, host, "gpu-box")
    target = SSHTarget("gpu-box", ("-F", config))
    assert says(target, "echo hello") == "hello\n"
    hop = FirstHop(target)
    assert hop.until_open(5, threading.Event())
    assert hop._addresses == [("127.0.0.1", host.port)]


@pytest.mark.parametrize("host", [{"AllowTcpForwarding": "yes"}], indirect=True)
def test_a_host_behind_another_one(host: SSHHost, tmp_path: Path) -> None:
    """Jumps are the user's ssh's business; what is watched is the first of them."""
    behind = SSHHost(tmp_path / "behind")
    behind.start()
    try:
        config = config_of(tmp_path, host, "jump")
        config_of(tmp_path, behind, "gpu-box", "ProxyJump jump")
        target = SSHTarget("gpu-box", ("-F", config))
        assert says(target, "echo $SSH_CONNECTION").split()[3] == str(behind.port)
        hop = FirstHop(target)
        hop.learn()
        assert hop._addresses == [("127.0.0.1", host.port)]
        host.stop()
        with pytest.raises(ConnectionLostError):
            open_channel(target, MARK)
    finally:
        behind.stop()


def test_a_way_of_the_user_s_own_making_is_tried_without_being_watched(
    host: SSHHost, tmp_path: Path
) -> None:
    nc = "ProxyCommand exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3"
    config = config_of(tmp_path, host, "gpu-box", nc)
    hop = FirstHop(SSHTarget("gpu-box", ("-F", config)))
    assert hop.until_open(0, threading.Event())
    assert hop._addresses is None


def test_a_way_is_watched_until_it_opens_or_nobody_cares(host: SSHHost) -> None:
    hop = FirstHop(host.target())
    host.stop()
    assert not hop.until_open(0.5, threading.Event())
    given_up = threading.Event()
    given_up.set()
    assert not hop.until_open(60, given_up)
    threading.Timer(0.5, host.start).start()
    assert hop.until_open(20, threading.Event())


@pytest.mark.parametrize("host", [{"MaxStartups": "1"}], indirect=True)
def test_a_server_that_takes_no_more_is_asked_again(
    host: SSHHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _the_one_connection(host):
        monkeypatch.setattr(channel, "BUSY_PAUSES_SECONDS", (0.05,))
        with pytest.raises(ServerBusyError, match="takes no more at this moment") as caught:
            open_channel(host.target(), MARK)
        assert "MaxStartups" in str(caught.value)
    held = _the_one_connection(host)
    threading.Timer(0.5, held.close).start()
    monkeypatch.setattr(channel, "BUSY_PAUSES_SECONDS", (0.2,) * 30)
    open_channel(host.target(), MARK).close()


def _the_one_connection(host: SSHHost) -> socket.socket:
    """Take the place of everybody who is just logging in."""
    while True:
        opened = socket.create_connection(("127.0.0.1", host.port))
        if opened.recv(4) == b"SSH-":
            return opened
        opened.close()


@pytest.mark.parametrize("host", [{"MaxSessions": "0"}], indirect=True)
def test_a_server_that_allows_no_session_says_so(host: SSHHost) -> None:
    with pytest.raises(ConnectionLostError, match="allows no session"):
        open_channel(host.target(), MARK)


PASSWORDS = {"PasswordAuthentication": "yes"}


@pytest.mark.parametrize("host", [{**PASSWORDS, "PubkeyAuthentication": "no"}], indirect=True)
def test_a_host_that_takes_only_passwords(host: SSHHost) -> None:
    with pytest.raises(KeyRefusedError, match="lets nobody in with a key") as caught:
        open_channel(host.target(), MARK)
    assert "PubkeyAuthentication yes" in str(caught.value)


@pytest.mark.parametrize("host", [PASSWORDS], indirect=True)
def test_a_host_that_one_logs_in_to_with_a_password(host: SSHHost, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    with pytest.raises(KeyRefusedError, match="refused the key") as caught:
        open_channel(host.target(IdentityFile=str(tmp_path / "stranger")), MARK)
    assert "ssh-copy-id" in str(caught.value)


def test_aes_gcm_is_what_a_server_as_it_comes_agrees_to(host: SSHHost) -> None:
    assert "cipher: aes128-gcm@openssh.com" in _negotiated(host)


@pytest.mark.parametrize("host", [{"Ciphers": "aes256-ctr"}], indirect=True)
def test_a_server_without_aes_gcm_is_reached_as_well(host: SSHHost) -> None:
    assert says(host.target(), "echo hello") == "hello\n"
    assert "cipher: aes256-ctr" in _negotiated(host)


def _negotiated(host: SSHHost) -> str:
    target = host.target()
    words = [*target.program, "-v", *target.options, *OPTIONS, "-o", "LogLevel=DEBUG"]
    ran = subprocess.run([*words, target.host, "true"], capture_output=True, text=True, check=True)
    return ran.stderr


def test_start_up_files_that_are_slow_are_waited_for(host: SSHHost) -> None:
    (host.home / ".bashrc").write_text("sleep 2; echo at last\n")
    assert says(host.target(), "echo hello") == "hello\n"


def test_start_up_files_that_print_without_end(host: SSHHost) -> None:
    (host.home / ".bashrc").write_text("exec yes\n")
    with pytest.raises(ConnectionLostError, match="did not answer") as caught:
        open_channel(host.target(), MARK)
    assert caught.value.hint


def test_a_connection_of_the_user_s_own_is_not_shared(host: SSHHost, tmp_path: Path) -> None:
    """One that is shared dies and fills up with the others on it."""
    control = f"ControlPath {tmp_path}/control"
    config = config_of(tmp_path, host, "gpu-box", "ControlMaster auto", control)
    target = SSHTarget("gpu-box", ("-F", config))
    assert says(target, "echo hello") == "hello\n"
    assert not (tmp_path / "control").exists()


@pytest.mark.parametrize("shell", ["fish", "csh", "tcsh", "zsh", "dash"])
def test_a_login_with_any_shell(shell: str) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed (scripts/sshd.sh installs it)")
    with open_lab(shell=found) as lab:
        (lab.home / ".cshrc").write_text("echo a shell that talks\n")
        assert says(lab.target(), "printf '%s ' one \"two's\" $0; echo $SHELL") == (
            f"one two's /bin/sh {found}\n"
        )
