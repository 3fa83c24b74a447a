"""How a kernel that runs one script is told from a notebook's: by the key it is opened under."""

from __future__ import annotations

_PREFIX = "script:"
EXIT = "ScriptExit"
"""The name of the error with which such a run ends unless its exit code is 0; `args` has that."""


def script_key(path: str) -> str:
    """Return the key (`OpenKernel.notebook`) of a kernel that runs the script at `path`."""
    return f"{_PREFIX}{path}"


def script_of(key: str) -> str:
    """Return the path of the script that a kernel runs; "" for a notebook's kernel."""
    return key[len(_PREFIX) :] if key.startswith(_PREFIX) else ""
