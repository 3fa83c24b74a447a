"""Which notebook a kernel belongs to: the one thing that outlives a restart of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def notebook_key(names: Mapping[str, Any]) -> str:
    """Return the notebook's path where the front end tells it, else the working folder.

    jupyter_server says it in `JPY_SESSION_NAME`, VS Code in the namespace.
    """
    told = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(told) if told else f"{os.getcwd()}{os.sep}"
