"""The place of one benchmark: folders and an embedded machine of its own, all gone afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.agent.home import open_home
from jupyter_remote_gpu.agent.warm import enough_memory
from jupyter_remote_gpu.transport.local import lock_holder

ROOT = Path(__file__).resolve().parents[1]
END_SECONDS = 10.0
SPARE_SECONDS = 60.0
_RUNTIME = "XDG_RUNTIME_DIR"


@dataclass(frozen=True, slots=True)
class Place:
    """`folder` is the notebook's; homes of machines lie beside it."""

    folder: Path

    def home(self, name: str = "machine") -> Path:
        """Return the home of the machine `name`."""
        return self.folder.parent / "homes" / name

    def environ(self, home: Path) -> dict[str, str]:
        """Return the environment of a notebook's kernel that uses the machine at `home`."""
        environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JUPYTER_REMOTE_GPU_HOME": str(home),
            "JPY_SESSION_NAME": str(self.folder / "notebook.ipynb"),
            "IPYTHONDIR": str(self.folder.parent / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        environ.pop("JPY_PARENT_PID", None)
        return environ


@contextmanager
def opened() -> Iterator[Place]:
    """Make a place; at the end, end its machines and remove it."""
    base = Path(tempfile.mkdtemp(prefix="rgb"))
    before = os.environ.get(_RUNTIME)
    # Paths of sockets end at about 100 bytes: this one is short.
    os.environ[_RUNTIME] = str(base)
    (base / "notebook").mkdir()
    place = Place(base / "notebook")
    try:
        yield place
    finally:
        for home in (base / "homes").glob("*"):
            end_machine(home)
        if before is None:
            del os.environ[_RUNTIME]
        else:
            os.environ[_RUNTIME] = before
        shutil.rmtree(base, ignore_errors=True)


def agent_pid(home: Path) -> int | None:
    """Return the process of the agent that serves `home`, None if there is none."""
    return lock_holder(open_home(home).lock)


def await_spare(home: Path) -> bool:
    """Wait until the agent at `home` has loaded its spare kernel; False if it keeps none.

    Loading it takes a processor for seconds, which no row but the start should see.
    """
    runtime = open_home(home).runtime
    deadline = time.monotonic() + SPARE_SECONDS
    while enough_memory() and time.monotonic() < deadline:
        for folder in (home / "kernels").glob("*"):
            in_use = (folder / "kernel.json").exists()
            if not in_use and (runtime / folder.name / "line.sock").exists():
                return True
        time.sleep(0.02)
    return False
