"""SIGINT strikes user code, and waits while our own bookkeeping runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from jupyter_remote_gpu.agent.kernel.interrupts import InterruptGuard


@pytest.fixture(autouse=True)
def _restored_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_during_a_run_it_raises_at_once() -> None:
    guard = InterruptGuard()
    guard.install()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_inside_a_guarded_block_it_waits_for_the_end() -> None:
    guard = InterruptGuard()
    guard.install()
    steps = []
    with pytest.raises(KeyboardInterrupt), guard.held():
        with guard.held():
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("inner")
        steps.append("outer")
    assert steps == ["inner", "outer"]


def test_between_runs_it_is_dropped() -> None:
    guard = InterruptGuard()
    guard.install()
    assert guard.remove() is False
    os.kill(os.getpid(), signal.SIGINT)
    guard.install()
    with guard.held():
        pass
