"""The notebooks about one's own GPU box, run against a real OpenSSH server."""

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
SAME = {
    "ssh_machine": ("make-data", "train", "look", "install", "use-machine", "stop"),
    "project_files": ("write-module", "dry-run", "remote-cell", "look", "edit-module", "again"),
}
"""Cells that print the same on every machine, by notebook."""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, ssh_cache: Path) -> Iterator[SSHMachines]:
    """The machine that the notebooks add."""
    found = SSHMachines(tmp_path_factory.mktemp("machines"), ssh_cache)
    found.start("gpu-box")
    yield found
    found.close()


@pytest.mark.parametrize("name", SAME)
def test_it_runs_and_prints_what_is_stored(
    name: str, machines: SSHMachines, tmp_path: Path
) -> None:
    stored, again = (read(EXAMPLES / f"{name}.ipynb") for _ in range(2))
    folder = tmp_path / "notebook"
    folder.mkdir()
    settings = {**machines.environ, "JUPYTER_REMOTE_GPU_SETTINGS": str(tmp_path / "settings")}
    run(again, folder=folder, settings=settings)
    settle(again)
    before, after = (
        {node.id: _printed(node) for _, node in code_cells(one)} for one in (stored, again)
    )
    assert {cell: after[cell] for cell in SAME[name]} == {cell: before[cell] for cell in SAME[name]}
    assert "gpu-box is added: " in after["add-machine"]
    if name == "ssh_machine":
        assert "newest            gpu-box" in after["names"]


def _printed(node: object) -> str:
    outputs = getattr(node, "outputs", [])
    return "".join(one.text for one in outputs if one.output_type == "stream")
