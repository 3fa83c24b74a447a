"""A real OpenSSH server on the loopback address, with keys, a configuration and a bare home."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_remote_gpu.transport.ssh.channel import SSHTarget

START_SECONDS = 10.0
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class SSHHost:
    """One server in `folder`; `user` logs in with the key, to a home with nothing in it."""

    folder: Path
    port: int = 0
    user: str = "root"
    settings: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make keys and configuration where there are none, and serve."""
        assert SSHD is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        os.makedirs("/run/sshd", exist_ok=True)
        for name in ("host_key", "user_key"):
            if not (self.folder / name).exists():
                make_key(self.folder / name)
        if not self.port:
            self.port = free_port()
        home = self.home
        home.mkdir(exist_ok=True)
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        settings = {
            "Port": str(self.port),
            "ListenAddress": "127.0.0.1",
            "HostKey": str(self.folder / "host_key"),
            "AuthorizedKeysFile": str(self.folder / "authorized_keys"),
            "PidFile": "none",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "UsePAM": "no",
            "UseDNS": "no",
            "StrictModes": "no",
            "AllowTcpForwarding": "no",
            "SetEnv": f"HOME={home} PATH=/usr/bin:/bin",
            **self.settings,
        }
        text = "".join(f"{key} {value}\n" for key, value in settings.items())
        (self.folder / "sshd_config").write_text(text)
        log = open(self.folder / "sshd.log", "ab")  # noqa: SIM115  (the server's own)
        self._process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")], stderr=log
        )
        log.close()
        self._await_port()
        self.know_host()

    @property
    def home(self) -> Path:
        """The home folder of whoever logs in."""
        return self.folder / "home"

    def know_host(self) -> None:
        """Let the client know the server's present key."""
        key = (self.folder / "host_key.pub").read_text().split(" ")
        known = f"[127.0.0.1]:{self.port} {key[0]} {key[1].strip()}\n"
        (self.folder / "known_hosts").write_text(known)

    def target(self, **changes: str) -> SSHTarget:
        """Return how this server is reached, with the client's settings changed as given."""
        settings = {
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "IdentityFile": str(self.folder / "user_key"),
            "IdentitiesOnly": "yes",
            "Port": str(self.port),
            **changes,
        }
        options = tuple(f"-o{key}={value}" for key, value in settings.items())
        return SSHTarget(f"{self.user}@127.0.0.1", ("-F", "/dev/null", *options))

    def stop(self) -> None:
        """End the server and every session on it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_SECONDS)
            self._process = None

    def _await_port(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", self.port)):
                assert time.monotonic() < deadline, (self.folder / "sshd.log").read_text()
                time.sleep(0.02)


def make_key(path: Path) -> None:
    """Make a key pair without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)


def free_port() -> int:
    """Return a port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
