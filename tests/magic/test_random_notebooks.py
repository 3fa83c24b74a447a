"""Random notebooks over machines reached by real SSH show what one Python shows.

A small slice of `tests.state.differential`, with all that a user has between the
namespaces: two kernels behind agents, sshd, the magics, the hook before local cells.
"""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook import Notebook, Shown
from tests.ssh_machines import ON_A_MACHINE, SSHMachines
from tests.state.differential import Difference, Plan, Reference
from tests.state.generator import Writer
from tests.state.hosts import without_addresses

pytestmark = [*ON_A_MACHINE, pytest.mark.slow]
NAMES = ("box", "lab")
READY_SECONDS = 300.0
PLAN = Plan(cells=11, numpy=importlib.util.find_spec("numpy") is not None)
PREPARED = f"""
get_ipython().config.RemoteGPU.environment_python = {sys.executable!r}
get_ipython().config.RemoteGPU.trusted = True
%load_ext jupyter_remote_gpu
"""
PRINTED_WARNINGS = """
import warnings
def _warned(message, category, *rest, **more):
    import sys  # a name of the notebook would be on one side
    sys.stdout.write(f"{category.__name__}: {message}\\n")
warnings.showwarning = _warned
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, ssh_cache: Path) -> Iterator[SSHMachines]:
    """Two trusted hosts, whose kernels run the Python of this test run."""
    found = SSHMachines(tmp_path_factory.mktemp("random"), ssh_cache)
    for name in NAMES:
        found.start(name)
    opened = found.open("adding")
    for name in NAMES:
        shown = opened.run(f"%remote_gpu add {name} {name}-host --trusted", timeout=READY_SECONDS)
        assert f"{name} is added" in shown.text(), shown.error()
    opened.close()
    yield found
    found.close()


LONG = [pytest.param(seed, marks=pytest.mark.long) for seed in (14, 15, 16)]


@pytest.mark.parametrize("seed", [11, 12, 13, *LONG])
def test_random_notebooks_over_real_machines(machines: SSHMachines, seed: int) -> None:
    notebook = _opened(machines, f"random-{seed}")
    try:
        assert str(_difference(notebook, seed) or "") == ""
    finally:
        notebook.close()


def _opened(machines: SSHMachines, name: str) -> Notebook:
    notebook = machines.open(name, PREPARED)
    for first in ("", *(_first_line(number) for number, _ in enumerate(NAMES, 1))):
        shown = notebook.run(first + PRINTED_WARNINGS, timeout=READY_SECONDS)
        assert shown.status == "ok", shown.error()
    return notebook


def _difference(notebook: Notebook, seed: int) -> Difference | None:
    """Run the notebook of a seed in both ways; return the first cell that shows something else."""
    writer = Writer(seed, numpy=PLAN.numpy, torch=False, pandas=False, errors=PLAN.errors)
    where, reference = random.Random(seed), Reference()
    cells: list[tuple[str, int]] = []
    for number in range(PLAN.cells):
        source, machine = writer.prelude, 0
        if number:
            source = writer.last() if number == PLAN.cells - 1 else writer.cell()
            machine = where.randint(0, len(NAMES))
        cells.append((source, machine))
        expected = reference.run(source)
        found = _seen(notebook.run(_first_line(machine) + source))
        if found != expected:
            return Difference(seed, cells, repr(expected), repr(found))
        writer.look(reference.main.__dict__)
    return None


def _first_line(machine: int) -> str:
    return f"%%remote_gpu --machine {NAMES[machine - 1]}\n" if machine else ""


def _seen(shown: Shown) -> tuple[str, str]:
    """Return what a cell printed and its error, as the reference tells them."""
    errors = [m["content"] for m in shown.messages if m["msg_type"] == "error"]
    words = [word for e in errors[-1:] for word in (e["ename"], e["evalue"]) if word]
    return without_addresses(shown.text()), without_addresses(": ".join(words))
