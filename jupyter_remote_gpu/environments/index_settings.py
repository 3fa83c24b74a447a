"""Where uv's settings of indexes lie, and whether more than one index counts."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .pip_settings import pip_settings

_FILES = ("uv.toml", "pyproject.toml")
_USERS = ("~/.config/uv/uv.toml", "/etc/uv/uv.toml")
_VARIABLES = ("UV_INDEX", "UV_EXTRA_INDEX_URL")


def settings_files(folder: Path) -> list[Path]:
    """Return the files of projects in which uv finds its settings for a folder."""
    above = (place / name for place in (folder, *folder.parents) for name in _FILES)
    return [path for path in above if path.is_file()]


def users_files() -> list[Path]:
    """Return the files in which uv finds the settings of this computer's user."""
    places = (Path(os.path.expanduser(place)) for place in _USERS)
    return [path for path in places if path.is_file()]


def several_indexes(folder: Path) -> bool:
    """Say whether packages may come from another index than the usual one.

    Then nothing is chosen offline: of a package that a private index has, uv may know
    only the page of a stranger's package of the same name.
    """
    if any(os.environ.get(name) for name in _VARIABLES) or pip_settings().extra:
        return True
    files = [*settings_files(folder), *users_files()]
    return any(re.search(rb"\bindex\b|\bindex-url|extra-index", f.read_bytes()) for f in files)
