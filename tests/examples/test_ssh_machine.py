"""The notebook about one's own GPU box, run against a real OpenSSH server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.running.cells import code_cells
from examples.running.notebook import read
from examples.running.run import EXAMPLES, run
from examples.running.settle import settle
from tests.ssh_machines import ON_A_MACHINE, SSHMachines

pytestmark = ON_A_MACHINE
SAME = ("make-data", "train", "look", "install", "use-machine", "stop")
"""Cells that print the same on every machine."""


@pytest.fixture
def machines(tmp_path: Path, ssh_cache: Path) -> Iterator[SSHMachines]:
    """The machine that the notebook adds."""
    found = SSHMachines(tmp_path, ssh_cache)
    found.start("gpu-box")
    yield found
    found.close()


def test_it_runs_and_prints_what_is_stored(machines: SSHMachines, tmp_path: Path) -> None:
    stored = read(EXAMPLES / "ssh_machine.ipynb")
    folder = tmp_path / "notebook"
    folder.mkdir()
    again = read(EXAMPLES / "ssh_machine.ipynb")
    run(again, folder=folder, settings=machines.environ)
    settle(again)
    before, after = (
        {node.id: _printed(node) for _, node in code_cells(one)} for one in (stored, again)
    )
    assert {name: after[name] for name in SAME} == {name: before[name] for name in SAME}
    assert "gpu-box is added: " in after["add-machine"]
    assert "newest            gpu-box" in after["names"]


def _printed(node: object) -> str:
    outputs = getattr(node, "outputs", [])
    return "".join(one.text for one in outputs if one.output_type == "stream")
