"""Where workspaces lie on the machine, and what is known of their environments.

    BASE/workspaces/NAME/project/                   the project's files
    BASE/workspaces/NAME/environments/VARIANT/      a virtual environment
    BASE/workspaces/NAME/environments/VARIANT.json  its stamp: which locks it holds
    BASE/pythons/, BASE/cache/uv/                   shared by all workspaces

A variant is a Python's minor version, and the interpreter it is laid over if it
is. Kernels of one variant never see another come or go.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

from .home import AgentHome

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"3\.\d{1,2}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an environment holds.

    `digests` are {digest of a lock: its {name: version}}; `building` is the
    packages of a lock that is being installed, or was when somebody was killed.
    """

    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    building: Mapping[str, str] | None = None

    def holding(self, digest: str, packages: Mapping[str, str]) -> Stamp:
        """Return the stamp after a lock was installed.

        Locks that named other versions of its packages are held no longer.
        """
        kept = {
            name: held
            for name, held in self.digests.items()
            if all(packages.get(package, version) == version for package, version in held.items())
        }
        return Stamp({**kept, digest: dict(packages)})


@dataclass(frozen=True, slots=True)
class Variant:
    """One environment of a workspace: its paths and its stamp."""

    workspace: Path
    version: str
    over: str = ""

    @property
    def folder(self) -> Path:
        """The virtual environment."""
        mark = hashlib.blake2b(self.over.encode(), digest_size=4).hexdigest()
        name = f"{self.version}-over-{mark}" if self.over else self.version
        return self.workspace / "environments" / name

    @property
    def python(self) -> Path:
        """The environment's interpreter; it need not be there."""
        return self.folder / "bin" / "python"

    @property
    def stamp_file(self) -> Path:
        """Where the stamp is; a kernel reads it too."""
        return Path(f"{self.folder}.json")

    @property
    def lock_file(self) -> Path:
        """Held, also by the programs it starts, by whoever changes the environment."""
        return Path(f"{self.folder}.lock")

    def stamp(self) -> Stamp:
        """Return what the environment holds: nothing if it is not there."""
        try:
            found = json.loads(self.stamp_file.read_bytes())
        except (OSError, ValueError):
            # without a stamp nothing is believed; it is made anew
            return Stamp()
        if not self.python.exists():
            return Stamp()
        return Stamp(found["digests"], found["building"])

    def write_stamp(self, stamp: Stamp) -> None:
        """Replace the stamp as a whole."""
        new = Path(f"{self.folder}.new")
        new.write_text(json.dumps({"digests": stamp.digests, "building": stamp.building}))
        os.replace(new, self.stamp_file)

    def describe(self) -> dict[str, Any]:
        """Return the answer to a request for it, as JSON-able values."""
        stamp = self.stamp()
        return {
            "folder": str(self.workspace / "project"),
            "python": str(self.python) if self.python.exists() else "",
            "digests": sorted(stamp.digests) if stamp.building is None else [],
        }


def base_of(home: AgentHome) -> Path:
    """Return the folder that all of ours on the machine lies in.

    On a machine reached by SSH the agent's home is one of its parts.
    """
    return home.home.parent if home.home.name == "home" else home.home


def workspace_folder(base: Path, name: str) -> Path:
    """Return a workspace's folder; ProtocolError for a name that could lead elsewhere."""
    if not _NAME.fullmatch(name):
        raise ProtocolError(f"{name!r:.100} is no name of a workspace")
    return base / "workspaces" / name


def open_variant(base: Path, name: str, version: str, over: str) -> Variant:
    """Make a workspace's folders where they are missing; return the environment asked for."""
    if not _VERSION.fullmatch(version):
        raise ProtocolError(f"{version!r:.100} is no version of Python")
    found = Variant(workspace_folder(base, name), version, over)
    for folder in (found.workspace / "project", found.folder.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def version_of(python: str) -> str:
    """Return the Python version of the environment that an interpreter belongs to."""
    return Path(python).parents[1].name.partition("-")[0]


def kernel_environ(python: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a kernel in a workspace's environment, as activating it has them."""
    bin_folder = Path(python).parent
    kept = {k: v for k, v in environ.items() if k not in ("PYTHONHOME", "CONDA_PREFIX")}
    path = os.pathsep.join([str(bin_folder), *filter(None, [environ.get("PATH", os.defpath)])])
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(bin_folder.parent)}
