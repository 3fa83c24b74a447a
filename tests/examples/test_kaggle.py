"""The notebook about data from Kaggle: with the file next to it, and with Kaggle's address.

The second runs on a machine behind a real OpenSSH server, and Kaggle is an emulator
that serves that same file.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from examples.running.cells import code_cells, pictures, streamed_text
from examples.running.notebook import read
from examples.running.run import EXAMPLES, run
from examples.running.settle import settle
from examples.shop.products import ARCHIVE, COUNT, CSV_NAME, csv_text, products
from tests.datasets.emulators.kaggle import Dataset, Kaggle
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage
from tests.ssh_machines import ON_A_MACHINE, SSHMachines

NOTEBOOK = EXAMPLES / "kaggle.ipynb"
KAGGLE_ADDRESS = "kaggle://cclark/product-item-data"
STEPS = "30"
_ROOT, _HAS_SSHD = ON_A_MACHINE
EMULATED = """
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.datasets.reference import Kind

known = get_ipython().remote_gpu_extension.machines.data._finding._made
known[Kind.KAGGLE] = KaggleSource(KaggleCalls(endpoint="{url}"))
%remote_gpu add gpu-box gpu-box-host --trusted
%remote_gpu use gpu-box
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a repository, which holds the notebook's file and nothing else."""
    place = tmp_path / "project"
    (place / "data").mkdir(parents=True)
    shutil.copy(ARCHIVE, place / "data")
    _git(place, "init", "--quiet")
    return place


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The variables of a notebook whose user has no settings yet, and little time."""
    (tmp_path / "home").mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "JUPYTER_REMOTE_GPU_SETTINGS": str(tmp_path / "settings"),
        "JUPYTER_REMOTE_GPU_CACHE": str(tmp_path / "cache"),
        "KAGGLE_EXAMPLE_STEPS": STEPS,
    }


@pytest.fixture
def kaggle() -> Iterator[Kaggle]:
    """A Kaggle that has the products under the name of the real ones."""
    storage = Storage()
    with serving(storage), serving(one := Kaggle(storage)):
        one.datasets["cclark/product-item-data"] = Dataset([{CSV_NAME: _csv()}])
        yield one


@pytest.fixture
def machines(tmp_path: Path, ssh_cache: Path) -> Iterator[SSHMachines]:
    """A machine that was never used."""
    found = SSHMachines(tmp_path / "machines", ssh_cache)
    found.folder.mkdir()
    found.start("gpu-box")
    yield found
    found.close()


def test_the_products_are_the_same_each_time() -> None:
    made = products()
    assert len(made) == COUNT
    assert len({product.description for product in made}) == COUNT
    assert csv_text(made).encode() == _csv()


@pytest.mark.torch
@pytest.mark.slow
def test_it_runs_with_the_file_next_to_it(folder: Path, settings: dict[str, str]) -> None:
    notebook = read(NOTEBOOK)
    run(notebook, folder=folder, settings=settings)

    _check_results(notebook)
    link = folder / "data" / "shop"
    assert link.is_symlink()
    assert (link / CSV_NAME).read_bytes() == _csv()
    assert _committed(folder) == ["data/outdoor-products.zip"]


@_ROOT
@_HAS_SSHD
@pytest.mark.torch
@pytest.mark.slow
def test_it_runs_with_kaggles_address_on_a_machine(
    folder: Path,
    settings: dict[str, str],
    kaggle: Kaggle,
    machines: SSHMachines,
    tmp_path: Path,
) -> None:
    notebook = read(NOTEBOOK)
    setup: NotebookNode = new_code_cell(EMULATED.format(url=kaggle.url))  # type: ignore[no-untyped-call]
    notebook.cells.insert(2, setup)
    settings |= machines.environ
    settings |= {"KAGGLE_EXAMPLE_DATA": KAGGLE_ADDRESS, "IPYTHONDIR": str(_profile(tmp_path))}
    run(notebook, folder=folder, settings=settings)

    shown = _check_results(notebook)
    assert f"{KAGGLE_ADDRESS}@1" in shown["place"]
    assert f"{KAGGLE_ADDRESS}@1" in shown["list"]
    # Not one byte of the data is here, and none is in the project there or in a commit.
    assert [path.name for path in (folder / "data").iterdir()] == ["outdoor-products.zip"]
    assert _committed(folder) == ["data/outdoor-products.zip"]
    workspaces = machines.base("gpu-box").rglob(f"project/**/{CSV_NAME}")
    assert [path for path in workspaces if not path.parent.is_symlink()] == []


def _check_results(notebook: NotebookNode) -> dict[str, str]:
    """Check what any run shows, and return the text that each cell printed."""
    settle(notebook)
    stored = {node.id: node for _, node in code_cells(read(NOTEBOOK))}
    nodes = {node.id: node for _, node in code_cells(notebook)}
    shown = {name: streamed_text(node) for name, node in nodes.items()}
    for cell in ("look", "clean", "pieces"):
        assert shown[cell] == streamed_text(stored[cell])
    first, last = map(float, re.findall(r"\d+\.\d+", shown["train"]))
    assert last < first - 1
    assert len(pictures(nodes["plot"])) == 1
    samples = shown["samples"].strip().split("\n\n")
    assert len(samples) == 3
    assert all(len(sample) > 100 for sample in samples)
    assert "shop" in shown["list"]
    return shown


def _csv() -> bytes:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return archive.read(CSV_NAME)


def _profile(tmp_path: Path) -> Path:
    """Return a profile in which the machine's image has torch: that of this Python."""
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    line = f"get_config().RemoteGPU.environment_python = {sys.executable!r}\n"
    (profile / "ipython_config.py").write_text(line)
    return profile.parent


def _committed(folder: Path) -> list[str]:
    """Return what a commit of everything would hold."""
    _git(folder, "add", "--all")
    return _git(folder, "ls-files").split()


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout
