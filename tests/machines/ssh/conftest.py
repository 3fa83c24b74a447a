"""Machines in a lab, and clients that write down what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyter_remote_gpu.machines.ssh.bundle import OWN
from jupyter_remote_gpu.machines.ssh.known_agent import KnownAgent
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.transport.ssh.channel import SSHTarget
from tests.lab.lab import Lab, open_lab


@dataclass
class Client:
    """A computer that uses a machine: what it was told, and what it remembers."""

    target: SSHTarget
    cache: Path
    token: str = "a client's token"
    own: Path = OWN
    steps: list[Step] = field(default_factory=list)
    remembered: list[KnownAgent] = field(default_factory=list)

    def machine(self, known: KnownAgent | None = None) -> ReachedMachine:
        """Return the machine as a session of this client sees it."""
        return ReachedMachine(
            self.target,
            self.token,
            self.cache,
            self.steps.append,
            known,
            self.remembered.append,
            own=self.own,
        )

    def join(self, known: KnownAgent | None = None) -> ReachedMachine:
        """Connect once and hang up."""
        machine = self.machine(known)
        machine.connect().close()
        return machine

    @property
    def sent_bytes(self) -> int:
        """How much was sent, as the steps told it."""
        sent = [step for step in self.steps if step.what.startswith("sending")]
        return sum(step.total for step in sent if step.done == step.total)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's cache: what is fetched once serves all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A machine that was never used."""
    with open_lab() as found:
        yield found


@pytest.fixture
def client(lab: Lab, cache: Path) -> Client:
    """A client of that machine."""
    return Client(lab.target(way="lan"), cache)
