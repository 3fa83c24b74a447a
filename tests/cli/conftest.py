"""Terminals: one that has this computer only, and one with a machine behind a real SSH server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_machine
from tests.cli.terminal import Terminal
from tests.ssh_machines import SSHMachines


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal without machines; scripts run on this computer."""
    base = tmp_path_factory.mktemp("terminal")
    (base / "project").mkdir()
    names = {"HOME": "state", "SETTINGS": "settings", "CACHE": "cache"}
    yield Terminal(
        base / "project",
        {f"JUPYTER_REMOTE_GPU_{name}": str(base / folder) for name, folder in names.items()},
    )
    end_machine(base / "state")


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, ssh_cache: Path) -> Iterator[SSHMachines]:
    """A host called box-host, with nothing on it."""
    found = SSHMachines(tmp_path_factory.mktemp("machines"), ssh_cache)
    found.start("box")
    yield found
    found.close()


@pytest.fixture(scope="module")
def there(machines: SSHMachines) -> Terminal:
    """A terminal that has added `box`."""
    folder = machines.folder / "project"
    (folder / ".git").mkdir(parents=True)
    state = {"JUPYTER_REMOTE_GPU_HOME": str(machines.folder / "state")}
    terminal = Terminal(folder, {**machines.environ, **state})
    added = terminal.run("add", "box", "box-host")
    assert added.returncode == 0, added.stderr
    assert "box is added: " in added.stdout
    assert "box is not trusted" in added.stdout
    return terminal
