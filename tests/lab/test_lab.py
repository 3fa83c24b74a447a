"""The lab does what tests built on it take for granted."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy
import pytest

from .lab import PACKAGE, PORT, Lab, open_lab, ssh

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with open_lab(ours=True) as found:
        yield found


def test_an_ordinary_user_with_a_bare_home_is_served(lab: Lab) -> None:
    said = ssh(lab.target(), "id -un; hostname; pwd; ls -A")
    assert said.split() == ["rgpu-test", "gpu-box", "/home/rgpu-test"]


def test_the_python_of_this_run_can_be_seen_there(lab: Lab) -> None:
    code = "import jupyter_remote_gpu, numpy; print(numpy.__version__)"
    said = ssh(lab.target(), f"cd {PACKAGE.parent}; {sys.executable} -c '{code}'")
    assert said.strip() == numpy.__version__


def test_the_link_has_its_round_trip(lab: Lab) -> None:
    lab.link.shape(rtt_ms=60)
    begun = time.monotonic()
    lab.dial((lab.address(), PORT), 5).close()
    took = time.monotonic() - begun
    lab.link.shape()
    assert took >= 0.06
    # the other way is not the link
    assert ssh(lab.target(way="lan"), "echo yes") == "yes\n"


def test_a_cut_link_drops_everything_until_it_is_mended(lab: Lab) -> None:
    with lab.dial((lab.address(), PORT), 5) as opened:
        assert opened.recv(4) == b"SSH-"
        lab.link.cut()
        with pytest.raises(TimeoutError):
            lab.dial((lab.address(), PORT), 0.3)
        lab.link.mend()
        lab.dial((lab.address(), PORT), 5).close()


def test_a_forgetful_firewall_drops_idle_connections_without_a_word(lab: Lab) -> None:
    quick, slow = (lab.dial((lab.address(), PORT), 5) for _ in range(2))
    with quick, slow:
        for opened in (quick, slow):
            assert opened.recv(100)
        lab.link.forget_idle(0.001)
        lab.link.forget_idle(30)
        # both were silent for longer than the first limit, but not than the one that holds now
        quick.sendall(b"x")
        lab.link.forget_idle(0.001)
        slow.sendall(b"SSH-2.0-x\r\n")
        slow.settimeout(0.3)
        with pytest.raises(TimeoutError):
            slow.recv(1)
        lab.link.forget_idle(0)


def test_a_reboot_ends_every_process_and_keeps_the_disk(lab: Lab) -> None:
    lab.run("sh", "-c", "touch /home/rgpu-test/kept; sleep 1000 >/dev/null 2>&1 &")
    lab.reboot()
    assert [words for _, words in lab.machine.processes() if "sleep 1000" in words] == []
    assert ssh(lab.target(), "ls; rm kept") == "kept\n"


def test_the_server_can_be_stopped_with_or_without_its_sessions(lab: Lab) -> None:
    target = lab.target()
    words = [*target.program, *target.options, target.host, "echo here; exec cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        assert session.stdin and session.stdout
        assert session.stdout.readline() == b"here\n"
        lab.stop_sshd(sessions=False)
        with pytest.raises(ConnectionRefusedError):
            lab.dial((lab.address(), PORT), 5)
        session.stdin.write(b"still\n")
        session.stdin.flush()
        assert session.stdout.readline() == b"still\n"
        lab.stop_sshd()
        assert session.stdout.readline() == b""
    lab.start_sshd()
    assert ssh(target, "echo back") == "back\n"


def test_a_bare_machine_has_a_shell_and_no_python() -> None:
    with open_lab(bare=True) as lab:
        said = ssh(lab.target(), "command -v python3 python; tar --version | head -n 1; pwd")
        assert "tar" in said and "python" not in said
        assert lab.home.is_dir()


def test_two_labs_stand_beside_each_other(lab: Lab) -> None:
    with open_lab() as other:
        lab.link.cut()
        try:
            assert ssh(other.target(), "ls -A; hostname") == "gpu-box\n"
        finally:
            lab.link.mend()


def test_a_machine_with_the_internet_has_this_computer_s_network() -> None:
    with open_lab(internet=True) as lab, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ssh(lab.target(), f"exec 3<>/dev/tcp/127.0.0.1/{port}")
        server.accept()[0].close()
