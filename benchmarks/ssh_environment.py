"""Row `ssh-env`: a notebook's packages on a machine that has them cached, and nothing to do."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.session.environment import RemotePlace

from . import far
from .far import TOKEN, FarRemote
from .figures import LIMIT, RATIO, Comparison, Scale, Target, seconds

ROUNDS = 3
LOCK_TARGET = Target(RATIO, 0.02)
NOTHING_TARGET = Target(LIMIT, 0.050)
PACKAGES = ("numpy", "pandas", "matplotlib", "ipykernel")
"""What pip installs; ours adds the kernel's own by itself."""
QUICK_PACKAGES = ("packaging",)


@dataclass
class Imports:
    """A project whose one cell imports `packages`; see `session.project`."""

    folder: Path
    packages: Sequence[str]

    def sources(self) -> Sequence[str]:
        """Return the texts of its cells."""
        return [f"import {', '.join(self.packages)}"]

    def extras(self) -> Sequence[str]:
        """Nothing was installed by hand."""
        return ()

    def record(self, lines: Sequence[str]) -> None:
        """Nothing is installed by hand."""


def measure(scale: Scale) -> list[Comparison]:
    """Compare a further workspace of a machine with pip in a fresh environment here."""
    packages = QUICK_PACKAGES if scale.quick else PACKAGES
    base = Path(tempfile.mkdtemp(prefix="rgb-env"))
    made, again, pip, pip_again = [], [], [], []
    try:
        with far.opened(internet=True) as lab:
            reached = ReachedMachine(lab.target(), TOKEN, base / "cache", _untold)
            for number in range(1 + (scale.rounds or ROUNDS)):
                project = Imports(base / "project", packages)
                project.folder.mkdir(exist_ok=True)
                place = RemotePlace(
                    f"{project.folder}/n.ipynb",
                    project,
                    f"bench-{number}",
                    reached,
                    base / "cache",
                    _untold,
                    machine="gpu",
                )
                remote = FarRemote(lab, transport=reached)
                ask, code = remote.session.request, project.sources()[0]
                opening = seconds(partial(place.open, ask, code))
                nothing = [seconds(partial(place.before_cell, ask, code)) for _ in range(5)]
                remote.stop()
                if number:  # the first fetches and builds what the others find cached
                    made.append(opening)
                    again += nothing
                    pip.append(_pip(base / f"pip-{number}", packages, fresh=True))
                    pip_again.append(_pip(base / f"pip-{number}", packages, fresh=False))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    names = ", ".join(packages)
    return [
        Comparison(f"{names}, cached there", made, "pip, fresh venv", pip, LOCK_TARGET),
        Comparison(
            f"{names}, nothing to do", again, "pip, nothing to do", pip_again, NOTHING_TARGET
        ),
    ]


def _pip(folder: Path, packages: Sequence[str], *, fresh: bool) -> float:
    """Return how long pip takes for the same versions, making the environment included."""
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in packages]
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *pins]

    def work() -> None:
        if fresh:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(install, check=True, capture_output=True)

    return seconds(work)


def _untold(step: object) -> None:
    """Nobody looks at the steps of a benchmark."""
