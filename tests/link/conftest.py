"""A session with the machine of a lab, reached as users reach theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.session import pulse
from jupyter_remote_gpu.transport.ssh.transport import SSHTransport
from tests.lab.lab import Lab, open_lab
from tests.lab.machine import USER
from tests.session.recording import Bench


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab whose machine has the Python of this test run."""
    with open_lab(ours=True) as found:
        yield found


@pytest.fixture
def bench(lab: Lab) -> Iterator[Bench]:
    """A session over the lab's link, which is whole and quick before and after the test."""
    lab.link.shape()
    found = Bench(SSHTransport(lab.target(), lab.agent(), "a token"), Path(f"/home/{USER}"))
    yield found
    lab.link.mend()
    lab.link.forget_idle(0)
    found.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let silence be noticed in a second rather than in ten."""
    monkeypatch.setattr(pulse, "PULSE_SECONDS", 0.5)
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.7)
    monkeypatch.setattr(pulse, "TICK_SECONDS", 0.1)
