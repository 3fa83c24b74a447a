"""Which folder is the project: what becomes the workspace on a machine."""

from __future__ import annotations

from pathlib import Path

from jupyter_remote_gpu.repository import is_repository, upwards


def project_folder(folder: Path) -> Path:
    """Return the folder of the project that `folder` belongs to.

    That is the nearest one above, or itself, that is a repository; where there
    is none, the folder itself. A home that is a repository (of settings) is not
    the project of all that lies in it.
    """
    for place in upwards(folder):
        if place != folder and holds_home(place):
            break
        if is_repository(place):
            return place
    return folder


def holds_home(root: Path) -> bool:
    """Whether a folder is the user's home or lies above it: then it is no project, never sent."""
    home = Path.home()
    return root == home or root in home.parents
