"""Machines with bare homes behind real OpenSSH servers here, and what a notebook must be told."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_machine
from tests.notebook import Notebook
from tests.ssh_host import SSHD, SSHHost

CERTIFICATES = "SSL_CERT_FILE"
"""A computer with certificates of its own needs them on its machines too."""
ON_A_MACHINE = [
    pytest.mark.root,
    pytest.mark.skipif(SSHD is None, reason="no OpenSSH server is installed"),
]


@dataclass
class SSHMachines:
    """Hosts by name, the user's `ssh_config` that names them, and his settings and cache."""

    folder: Path
    cache: Path
    hosts: dict[str, SSHHost] = field(default_factory=dict)
    notebooks: list[Notebook] = field(default_factory=list)

    def start(self, name: str) -> SSHHost:
        """Start a host; ssh knows it as NAME-host."""
        host = SSHHost(self.folder / name)
        own = [f"HOME={host.home}", "PATH=/usr/bin:/bin"]
        if CERTIFICATES in os.environ:
            own.append(f"{CERTIFICATES}={os.environ[CERTIFICATES]}")
        host.settings["SetEnv"] = " ".join(own)
        host.start()
        self.hosts[name] = host
        self._write_config()
        return host

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a notebook that uses these machines."""
        return {
            "JUPYTER_REMOTE_GPU_SETTINGS": str(self.folder / "settings"),
            "JUPYTER_REMOTE_GPU_CACHE": str(self.cache),
            "JUPYTER_REMOTE_GPU_SSH": f"ssh -F {self.folder / 'ssh_config'}",
        }

    def open(self, name: str, first: str = "%load_ext jupyter_remote_gpu") -> Notebook:
        """Open a notebook, whose `first` cell is run; the same name is the same notebook."""
        folder = self.folder / "notebooks" / name
        folder.mkdir(parents=True, exist_ok=True)
        # What IPython remembers is no part of the project.
        environ = {**self.environ, "IPYTHONDIR": str(self.folder / "ipython")}
        opened = Notebook(self.folder / "state", folder, first=first, environ=environ)
        self.notebooks.append(opened)
        return opened

    def home(self, name: str) -> Path:
        """Return where the agent of a host keeps its kernels."""
        return self.base(name) / "home"

    def base(self, name: str) -> Path:
        """Return our folder on a host."""
        return self.hosts[name].home / ".local/share/jupyter_remote_gpu"

    def die(self, name: str) -> None:
        """End a host with all that runs there, as the loss of its power would."""
        self.hosts[name].stop()
        end_machine(self.home(name))

    def close(self) -> None:
        """End all notebooks, all hosts and what runs on them."""
        for opened in self.notebooks:
            opened.close()
        end_machine(self.folder / "state")
        for name in self.hosts:
            self.die(name)
            shutil.rmtree(self.hosts[name].home, ignore_errors=True)

    def _write_config(self) -> None:
        texts = []
        for name, host in self.hosts.items():
            lines = [f"Host {name}-host", "HostName 127.0.0.1", f"User {host.user}"]
            given = [word[2:] for word in host.target().options if word.startswith("-o")]
            texts += [*lines, *(word.replace("=", " ", 1) for word in given)]
        (self.folder / "ssh_config").write_text("\n".join(texts) + "\n")
