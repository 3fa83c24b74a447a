"""A laptop and a GPU machine on this computer, with a real OpenSSH server and a link between.

    with open_lab(ours=True) as lab:          # skips the test, with the reason, where it must
        SSHTransport(lab.target(), lab.agent(), token)
        lab.link.shape(rtt_ms=20, mbit=100)   # lab.link.cut(), .mend(), .forget_idle(seconds)
        lab.stop_sshd(); lab.start_sshd(); lab.reboot()

The laptop is a network namespace in which only the client's `ssh` runs; the
machine has namespaces of its own for network, mounts, processes and name
(`machine.py`), an ordinary user `rgpu-test` with a bare home, and this
computer's programs, but no way to anything except the laptop. Nothing of it is
left on this computer afterwards, and labs beside each other do not meet.

Two ways lead there: `lab.target()` over the link, which has no delay and no
limit until it is shaped, and `lab.target(way="lan")` over a plain veth pair.

    open_lab(bare=True)          a root of its own: a shell, small tools, glibc, no Python
    open_lab(internet=True)      the machine shares this computer's network
    open_lab(sees=[...])         paths of this computer that its user may read
    open_lab(ours=True)          ... the Python and the package of this test run: `lab.agent()`
    open_lab(shell="/usr/bin/fish", settings={"MaxSessions": "2"})

`lab.run("df", "-h")` runs something there as root, with `user=True` as the user;
`lab.home` is his home as this computer sees it, `lab.machine.root` the root.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import jupyter_remote_gpu
from jupyter_remote_gpu.transport.ssh.channel import Dial, SSHTarget
from jupyter_remote_gpu.transport.ssh.transport import RemoteAgent
from tests.ssh_host import make_key

from . import namespaces
from .link import Link
from .machine import STATE, USER, Machine

PORT = 2222
PACKAGE = Path(jupyter_remote_gpu.__file__).parent
OURS = tuple(dict.fromkeys(Path(p) for p in (sys.prefix, sys.base_prefix, PACKAGE.parent)))
"""What a machine must see to run the Python, and the package, of this test run."""
GONE_SECONDS = 10.0


class Lab:
    """One laptop and one machine; see the head of this file. Made by `open_lab`."""

    def __init__(self, folder: Path, machine: Machine, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.machine = machine
        self.name, number = namespaces.fresh_name()
        self.laptop = f"{self.name}l"
        # 198.18.0.0/15 is kept for measurements: no network of anybody's is there
        first, second = divmod(8 * number, 1 << 16)
        third, last = divmod(second, 256)
        base = f"198.{18 + first}.{third}"
        self._addresses = {
            "wan": (f"{base}.{last + 1}", f"{base}.{last + 2}"),
            "lan": (f"{base}.{last + 5}", f"{base}.{last + 6}"),
        }
        self._settings = settings
        self.link: Link

    @property
    def home(self) -> Path:
        """The user's home, as this computer sees it."""
        return self.machine.home

    def address(self, way: str = "wan") -> str:
        """Return the machine's address on one of the two ways."""
        return self._addresses[way][1]

    @property
    def dial(self) -> Dial:
        """What `socket.create_connection` is to the laptop."""
        return functools.partial(namespaces.dial, self.laptop)

    def target(self, way: str = "wan", **changes: str) -> SSHTarget:
        """Return how the machine is reached, with the client's settings changed as given."""
        settings = {
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "IdentityFile": str(self.folder / "user_key"),
            "IdentitiesOnly": "yes",
            "Port": str(PORT),
            **changes,
        }
        options = tuple(f"-o{key}={value}" for key, value in settings.items())
        return self.named(f"{USER}@{self.address(way)}", *options)

    def named(self, host: str, *options: str, config: str = "/dev/null") -> SSHTarget:
        """Return how a host is reached by a name, with a configuration file of ssh's."""
        program = self.on_laptop("ssh")
        return SSHTarget(host, ("-F", config, *options), program, dial=self.dial)

    def on_laptop(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs `words` on the laptop."""
        return ("nsenter", f"--net={namespaces.path(self.laptop)}", *words)

    def agent(self, home: str | None = None) -> RemoteAgent:
        """Return the agent of this checkout, run by this Python; needs `ours=True`."""
        launch = str(PACKAGE / "agent" / "launch.py")
        return RemoteAgent((sys.executable,), launch, home or f"/home/{USER}/agent")

    def run(self, *words: str, user: bool = False) -> str:
        """Run a command on the machine as root, or as its user; return its output."""
        return self.machine.run(*words, user=user)

    def start_sshd(self) -> None:
        """Serve; returns once connections are taken."""
        sshd = "/usr/sbin/sshd"
        self.run(sshd, "-f", f"{STATE}/sshd_config", "-E", f"{STATE}/sshd.log")

    def stop_sshd(self, *, sessions: bool = True) -> None:
        """End the server and, unless told otherwise, every connection it has."""
        every = [(pid, words) for pid, words in self.machine.processes() if "sshd" in words]
        found = [pid for pid, words in every if sessions or "listener" in words]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + GONE_SECONDS
        while any(pid in found for pid, _ in self.machine.processes()):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def configure(self, **settings: str) -> None:
        """Change the server's settings; they hold when it is started the next time."""
        self._settings = {**self._settings, **settings}
        every = {
            "Port": str(PORT),
            "HostKey": f"{STATE}/host_key",
            "AuthorizedKeysFile": f"{STATE}/authorized_keys",
            "PidFile": f"{STATE}/sshd.pid",
            "PasswordAuthentication": "no",
            "UsePAM": "no",
            "UseDNS": "no",
            "StrictModes": "no",
            **self._settings,
        }
        addresses = "".join(f"ListenAddress {theirs}\n" for _, theirs in self._addresses.values())
        text = "".join(f"{key} {value}\n" for key, value in every.items())
        (self.folder / "sshd_config").write_text(text + addresses)

    def change_host_key(self) -> None:
        """Give the server another key, as a machine set up anew has; from its next start on."""
        for name in ("host_key", "host_key.pub"):
            (self.folder / name).unlink(missing_ok=True)
        make_key(self.folder / "host_key")

    def know_host(self) -> None:
        """Let the client know the server's present key."""
        kind, key = (self.folder / "host_key.pub").read_text().split()[:2]
        lines = [f"[{a}]:{PORT} {kind} {key}\n" for _, a in self._addresses.values()]
        (self.folder / "known_hosts").write_text("".join(lines))

    def reboot(self) -> None:
        """Switch the machine off and on; its disk stays, its processes do not."""
        self.machine.stop()
        self.machine.start()
        self.start_sshd()

    def up(self, opened: ExitStack, *, internet: bool) -> None:
        """Make everything; what was made is undone by `opened`."""
        gpu = "" if internet else f"{self.name}g"
        for netns in (self.laptop, gpu):
            if netns:
                opened.callback(namespaces.remove, netns)
                namespaces.make(netns)
        wan = (f"{self.name}wl", f"{self.name}wg")
        self.link = Link(self.laptop, gpu, wan)
        opened.callback(self.link.close)
        lan = (f"{self.name}ll", f"{self.name}lg")
        namespaces.ip("link", "add", lan[0], "type", "veth", "peer", "name", lan[1])
        namespaces.ip("link", "set", lan[0], "netns", self.laptop)
        if gpu:
            namespaces.ip("link", "set", lan[1], "netns", gpu)
        for way, devices in (("wan", wan), ("lan", lan)):
            ours, theirs = self._addresses[way]
            _address(self.laptop, devices[0], ours, theirs)
            _address(gpu, devices[1], theirs, ours)
        self.machine.netns = gpu
        self.machine.prepare()
        for name in ("host_key", "user_key"):
            make_key(self.folder / name)
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        self.configure()
        self.know_host()
        opened.callback(self.machine.stop)
        self.machine.start()
        self.start_sshd()


@contextmanager
def open_lab(
    *,
    bare: bool = False,
    internet: bool = False,
    ours: bool = False,
    sees: Sequence[Path] = (),
    shell: str = "/bin/bash",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Lab]:
    """Make a lab and undo it; see the head of this file. Takes a third of a second."""
    reason = namespaces.why_not()
    if reason is not None:
        pytest.skip(f"left out: {reason}")
    with ExitStack() as opened:
        folder = Path(tempfile.mkdtemp(prefix="rglab-", dir="/var/tmp"))
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)
        seen = tuple(dict.fromkeys([*sees, *(OURS if ours else ())]))
        machine = Machine(folder, "", _uid(), bare, shell, () if bare else seen)
        lab = Lab(folder, machine, settings or {})
        lab.up(opened, internet=internet)
        yield lab


def _uid() -> int:
    """Return a user number of this lab's own, so that labs do not count as one user."""
    return 200_000 + namespaces.fresh_name()[1]


def _address(netns: str, device: str, ours: str, theirs: str) -> None:
    within = ["-n", netns] if netns else []
    namespaces.ip(*within, "addr", "add", f"{ours}/32", "peer", theirs, "dev", device)
    namespaces.ip(*within, "link", "set", device, "mtu", "1500", "txqueuelen", "2000", "up")


def ssh(target: SSHTarget, command: str) -> str:
    """Run a command through plain `ssh`, as a user would by hand; return its output."""
    words = [*target.program, *target.options, "-oBatchMode=yes", target.host, command]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
