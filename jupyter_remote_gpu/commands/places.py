"""Where kernels work on a machine: the place that a session of it has."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.session.environment import RemotePlace
from jupyter_remote_gpu.session.place import Workspace
from jupyter_remote_gpu.session.project import Project, workspace_name

from .own_python import OwnPython
from .project import holds_home
from .settings import Settings
from .syncing import project_sync

_OWN = ("JPY_", "JUPYTER_REMOTE_GPU_", "MPLBACKEND")
"""Variables that belong to the notebook's kernel, not to its user."""
HOME_STAYS = (
    "no files travel: this notebook lies in your home folder itself, which is never sent. Put it"
    " into a folder of its project"
)


def place_here(settings: Settings, notebook: str, folder: str = "") -> Workspace:
    """Return where kernels of a notebook work on the embedded machine."""
    return Workspace(
        notebook=notebook,
        folder=folder or settings.folder,
        python=settings.python,
        environ=_inherited(settings.python),
    )


def place_there(
    settings: Settings,
    registry: Registry,
    machine: str,
    way: ReachedMachine,
    project: Project,
    notebook: str,
    root: Path,
    subfolder: str,
    told: Told,
) -> RemotePlace | OwnPython:
    """Return where kernels of a notebook work on an added machine.

    `root` is the project's folder here, `subfolder` the notebook's below it.
    """
    own, workspace = settings.environment_python, workspace_name(registry.client, root)
    stays = holds_home(root)
    files = None if stays else project_sync(settings, registry, machine, root, told)
    if "/" in own:
        return OwnPython(notebook, own, way, files, workspace, subfolder)
    return RemotePlace(
        notebook,
        project,
        workspace,
        way,
        settings.cache,
        told,
        machine=machine,
        subfolder=subfolder,
        images=settings.torch == "auto",
        version=python_version(own),
        files=files,
        notes=(HOME_STAYS,) if stays else (),
    )


def python_version(text: str) -> tuple[int, int] | None:
    """Return the version that a setting names, None if it is empty; RequestError if it is none."""
    if not text:
        return None
    found = re.fullmatch(r"(\d+)\.(\d+)", text)
    if found is None:
        raise RequestError(
            f"'{text}' is no version of Python (the setting environment_python)",
            hint="Write for example 3.12, or the path of an interpreter on the machine.",
        )
    return int(found[1]), int(found[2])


def _inherited(python: str) -> dict[str, str]:
    """Return the variables a kernel of the notebook's own interpreter gets from here."""
    if python != sys.executable:
        return {}
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
