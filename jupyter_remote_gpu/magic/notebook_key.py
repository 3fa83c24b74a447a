"""Which notebook a kernel belongs to, and which project: what outlives a restart of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def notebook_key(names: Mapping[str, Any]) -> str:
    """Return the notebook's path where the front end tells it, else the working folder.

    jupyter_server says it in `JPY_SESSION_NAME`, VS Code in the namespace.
    """
    told = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(told) if told else f"{os.getcwd()}{os.sep}"


def project_folder(folder: Path) -> Path:
    """Return the folder of the project that `folder` belongs to.

    That is the nearest one above, or itself, that is a repository; where there
    is none, the folder itself.
    """
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            return place
    return folder
