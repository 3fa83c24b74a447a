"""The embedded machine: a second Python on this computer, there without any set-up."""

from __future__ import annotations

from pathlib import Path

from .machine import Machine

EMBEDDED_NAME = "embedded"


def embedded(workspace: Path, *, trusted: bool = True) -> Machine:
    """Return the embedded machine whose workspace is `workspace`, the notebook's own folder.

    It is this user's own computer and therefore trusted, unless he says
    otherwise. Called by the session before it starts an agent; touches nothing.
    """
    return Machine(name=EMBEDDED_NAME, kind="embedded", trusted=trusted, workspace=workspace)
