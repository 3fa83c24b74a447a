"""Fixtures that several rooms share: a machine's home, a session, a notebook."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_machine
from tests import hard_machine
from tests.hard_machine import HardMachine
from tests.notebook import Notebook


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, let files with slow ones be taken first.

    Begun last, they would go on alone when all other processes are done.
    """
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what all processes that share the tests may use; what makes it must lock."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(autouse=True, scope="session")
def _runtime_folder() -> Iterator[None]:
    """Keep sockets of tests apart from the user's own, in a short folder."""
    folder = tempfile.mkdtemp(prefix="rg")
    os.environ["XDG_RUNTIME_DIR"] = folder
    yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The home of an embedded machine's agent, which is ended after the test."""
    path = tmp_path / "state"
    yield path
    end_machine(path)


@pytest.fixture(scope="session")
def hard_python(shared: Path) -> Path:
    """The interpreter of the hard machine's own environment."""
    reason = hard_machine.why_not()
    if reason is not None:
        pytest.skip(f"left out: {reason}")
    folder = shared / "hard_environment"
    with open(shared / "hard_environment.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            hard_machine.make_environment(folder)
            (folder / "made").touch()
    return folder / "bin" / "python"


@dataclass(frozen=True)
class Place:
    """A folder for notebooks, one for a machine's state, and the machine if it is a hard one."""

    notebook: Path
    state: Path
    machine: HardMachine | None
    trusted: bool = True


@pytest.fixture(scope="module", params=["plain", pytest.param("hard", marks=pytest.mark.root)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The embedded machine as it is, and in the hard mode: it cannot see the notebook's folder."""
    return make_place(request, tmp_path_factory)


def make_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return the machine in the mode that a fixture's parameter names: plain, hard, untrusted."""
    base = tmp_path_factory.mktemp("place")
    (base / "notebook").mkdir()
    machine = None
    if request.param == "hard":
        python = request.getfixturevalue("hard_python")
        machine = hard_machine.make_machine(base / "machine", python, [base / "notebook"])
    trusted = request.param != "untrusted"
    return Place(base / "notebook", base / "machine" / "state", machine, trusted)


@pytest.fixture(scope="module")
def notebooks(place: Place) -> Iterator[Notebooks]:
    """Opens notebooks on an embedded machine: the plain one, and one in the hard mode."""
    opener = Notebooks(place)
    yield opener
    opener.close()


@pytest.fixture(scope="module")
def notebook(notebooks: Notebooks) -> Notebook:
    """A notebook with the extension loaded, shared by the tests of a module."""
    return notebooks.open("shared")


class Notebooks:
    """Opens notebooks in folders of their own, and ends them with their machines."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._homes: set[Path] = set()
        self._opened: list[Notebook] = []

    def open(self, name: str) -> Notebook:
        """Open the notebook of the folder `name`; the same name is the same notebook."""
        folder = self._place.notebook / name
        folder.mkdir(parents=True, exist_ok=True)
        home = self._place.state / name
        self._homes.add(home)
        place = self._place
        self._opened.append(Notebook(home, folder, place.machine, trusted=place.trusted))
        return self._opened[-1]

    def close(self) -> None:
        """End all of them."""
        for opened in self._opened:
            opened.close()
        for home in self._homes:
            end_machine(home)


@pytest.fixture(scope="session")
def ssh_cache(shared: Path) -> Path:
    """The client's cache for machines reached by SSH: what is fetched once serves all tests."""
    path = shared / "ssh_cache"
    path.mkdir(exist_ok=True)
    return path
