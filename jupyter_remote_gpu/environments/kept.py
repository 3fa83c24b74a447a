"""Locks made before, kept by all that they were made from."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from blake3 import blake3

from jupyter_remote_gpu.replacing import replaced
from jupyter_remote_gpu.uv_program import uv_version

from .index_settings import users_files
from .needs import Needs
from .pip_settings import pip_settings
from .target import Target

_FORM = 1
"""Raised when locks are made in another way; older ones are then made again."""
_DEGRADED_SECONDS = 3600.0


def key_of(needs: Needs, target: Target, without: Collection[str] = ()) -> str:
    """Return the name of all that a lock is made from; settings of indexes count in."""
    # Of settings that may hold passwords only this hash is ever written.
    digest = blake3(
        json.dumps([_FORM, needs.key, target.key, sorted(without), uv_version()]).encode()
    )
    digest.update(repr(pip_settings()).encode())
    for name in sorted(os.environ):
        if name.startswith("UV_") and name != "UV_CACHE_DIR":
            digest.update(f"\0{name}={os.environ[name]}".encode())
    for path in users_files():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept(cache: Path, key: str) -> dict[str, Any] | None:
    """Return what was kept under a key; None if nothing, or if it is damaged.

    What was made while an index could not be reached is kept for an hour only.
    """
    path = cache / "locks" / f"{key}.json"
    try:
        found = json.loads(path.read_text())
        age = time.time() - path.stat().st_mtime
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or (found.get("degraded") and age > _DEGRADED_SECONDS):
        return None
    return found


def keep(cache: Path, key: str, value: dict[str, Any]) -> None:
    """Keep a value under a key, whole or not at all."""
    folder = cache / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replaced(folder / f"{key}.json") as file:
        file.write(json.dumps(value).encode())
