"""What a user is told whose cell imported, on an added machine, what is not there."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

_MODULE = re.compile(r"No module named '([A-Za-z_]\w*)")


def missing_text(error: dict[str, Any], machine: str) -> str | None:
    """Return the line for a remote cell's exception that a module is missing; None for others.

    Packages that are installed here come along by themselves, so what is missing
    is on neither side, or a file of this computer.
    """
    found = _MODULE.match(str(error.get("value", "")))
    if error.get("name") != "ModuleNotFoundError" or found is None:
        return None
    module = found[1]
    try:
        here = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        here = None  # something of that name that says nothing of itself
    if here is None:
        return (
            f"{module} is not installed here, so it did not come along. `%pip install {module}`"
            f" in a remote cell installs it on {machine}, and keeps it for this project"
        )
    if "-packages" in str(here.origin):
        return None  # a line said already why it was left out
    return (
        f"{module} is a file of this computer ({here.origin}) that did not follow to {machine}:"
        " what lies in the project's folder does, unless `%remote_gpu sync --dry-run` says why not"
    )
