"""Environments: which packages a notebook uses here, and the same ones on a machine."""

from __future__ import annotations

from .installed import imported
from .lock import Lock, fetch_packages, make_lock
from .needs import Needs, needs
from .target import Target

__all__ = ["Lock", "Needs", "Target", "fetch_packages", "imported", "make_lock", "needs"]
