"""Where the program `uv` is: it resolves, fetches and installs packages for us."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache

from jupyter_remote_gpu.errors import AgentStartError


def uv() -> str:
    """Return the path of the `uv` that came with this package, else of one on PATH.

    Raises `AgentStartError` if there is none.
    """
    try:
        import uv as package

        return str(package.find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise AgentStartError(
            "the program `uv` is not installed here; it fetches packages for machines",
            hint="pip install uv",
        )
    return found


@lru_cache(maxsize=1)
def uv_version() -> str:
    """Return the version of our `uv`. A machine gets the same, so that it can read our cache."""
    ran = subprocess.run([uv(), "--version"], capture_output=True, text=True, check=True)
    return ran.stdout.split()[1]
