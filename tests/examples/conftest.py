"""Every test of the examples has a machine of its own: no agent of an earlier run answers it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_machine


@pytest.fixture(autouse=True)
def machine_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The folder of the embedded machine's agent, told to every process that a test starts."""
    home = tmp_path_factory.mktemp("machine")
    monkeypatch.setenv("JUPYTER_REMOTE_GPU_HOME", str(home))
    yield home
    end_machine(home)
