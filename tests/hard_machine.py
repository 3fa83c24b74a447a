"""The hard mode: an embedded machine that shares nothing with the notebook but the socket.

Another folder, another environment, its own HOME and temporary folder, and
none of the notebook's paths readable (hidden by a mount namespace, which
needs root). What passes here does not lean on the machine being this computer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    "blake3",
    "cloudpickle",
    "ipykernel",
    "ipywidgets",
    "matplotlib",
    "numpy",
    "pandas",
    "tqdm",
    "xxhash",
)
"""What a machine's environment needs for a kernel, and what the tests use there."""

_WRAPPER = """#!/bin/sh
# Hide the notebook's folders, then become the agent's command.
exec unshare --mount sh -c '
set -e
mount --make-rprivate /
for folder in {hidden}; do mount -t tmpfs -o size=1m,mode=000 none "$folder"; done
export HOME={home} TMPDIR={tmp}
exec "$@"' sh "$@"
"""


@dataclass(frozen=True)
class HardMachine:
    """A machine's folders; `environ` makes a notebook use it as its embedded machine."""

    folder: Path
    environ: dict[str, str]


def why_not() -> str | None:
    """Return why the hard mode cannot be had here, or None."""
    if os.getuid() != 0:
        return "the hard mode hides folders with a mount namespace, which needs root"
    probe = ["unshare", "--mount", "sh", "-c", "mount --make-rprivate /"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode:
        return "mount namespaces cannot be had here"
    if shutil.which("uv", path=os.path.dirname(sys.executable)) is None:
        return "the machine's own environment is made by uv, which is not installed here"
    return None


def make_environment(folder: Path, *more: str) -> Path:
    """Make a virtual environment that has a kernel and more; return its interpreter."""
    uv = os.path.join(os.path.dirname(sys.executable), "uv")
    environ = {**os.environ, "UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    venv = [uv, "venv", "-q", "--seed", "--no-python-downloads"]
    venv += ["--python", sys.executable, str(folder)]
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "-q", "--python", str(python), *PACKAGES, *more]
    for command in (venv, install):
        subprocess.run(command, check=True, env=environ)
    return python


def make_machine(base: Path, python: Path, hidden: list[Path]) -> HardMachine:
    """Return a machine in `base` from which the `hidden` folders cannot be seen."""
    for name in ("home", "tmp", "work", "state"):
        (base / name).mkdir(parents=True)
    wrapper = base / "wrapper.sh"
    wrapper.write_text(
        _WRAPPER.format(
            hidden=" ".join(str(path) for path in hidden),
            home=base / "home",
            tmp=base / "tmp",
        )
    )
    wrapper.chmod(0o755)
    return HardMachine(
        folder=base / "work",
        environ={
            "JUPYTER_REMOTE_GPU_PYTHON": str(python),
            "JUPYTER_REMOTE_GPU_FOLDER": str(base / "work"),
            "JUPYTER_REMOTE_GPU_WRAPPER": str(wrapper),
        },
    )
