"""A cell under `%%remote_gpu` runs in a persistent Python on a GPU machine."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
