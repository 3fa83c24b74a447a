"""Reading TOML, on every Python we support."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text; raises `ValueError` for one that is none."""
    whole: dict[str, Any] = tomllib.loads(text)
    return whole
