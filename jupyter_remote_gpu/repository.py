"""How far up a project reaches: from one of its folders to the root of its repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def is_repository(folder: Path) -> bool:
    """Say whether a folder is the root of a repository (or of a linked work tree)."""
    return os.path.exists(folder / ".git")


def upwards(folder: Path) -> Iterator[Path]:
    """Yield a folder and those above it, the last one being its repository's root or the home.

    Where there is neither, all folders above are yielded. What lies above a
    repository, or above the user's home, belongs to no project in it.
    """
    home = Path.home()
    for place in (folder, *folder.parents):
        yield place
        if is_repository(place) or place == home:
            return
