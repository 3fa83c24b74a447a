"""Fixtures that several rooms share: a machine's home, a session, a notebook."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook import Notebook


@pytest.fixture(autouse=True, scope="session")
def _runtime_folder() -> Iterator[None]:
    """Keep sockets of tests apart from the user's own, in a short folder."""
    folder = tempfile.mkdtemp(prefix="rg")
    os.environ["XDG_RUNTIME_DIR"] = folder
    yield
    shutil.rmtree(folder, ignore_errors=True)


def end_machine(home: Path) -> None:
    """End the agent of a home and all its kernels."""
    from jupyter_remote_gpu.agent.home import open_home

    lock = open_home(home).lock
    pids = [lock.read_text()] if lock.exists() else []
    pids += [
        path.read_text().partition('"pid": ')[2].partition(",")[0]
        for path in home.glob("kernels/*/kernel.json")
    ]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The home of an embedded machine's agent, which is ended after the test."""
    path = tmp_path / "machine"
    yield path
    end_machine(path)


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same for a whole module of tests."""
    path = tmp_path_factory.mktemp("machine")
    yield path
    end_machine(path)


@pytest.fixture(scope="module")
def notebook(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A notebook with the extension loaded, shared by the tests of a module."""
    opened = Notebook(module_home, tmp_path_factory.mktemp("project"))
    yield opened
    opened.close()
