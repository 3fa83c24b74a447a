"""Which folder is the project: what becomes the workspace on a machine."""

from __future__ import annotations

import os
from pathlib import Path


def project_folder(folder: Path) -> Path:
    """Return the folder of the project that `folder` belongs to.

    That is the nearest one above, or itself, that is a repository; where there
    is none, the folder itself.
    """
    for place in (folder, *folder.parents):
        if os.path.exists(place / ".git"):
            return place
    return folder
