"""Names that sources and archives give to files: only those that stay inside their folder."""

from __future__ import annotations

import os

from jupyter_remote_gpu.errors import UnsafePathError

_LONGEST_PATH_BYTES = 3000
_LONGEST_NAME_BYTES = 255


def inside(path: str) -> str:
    """Return a relative path without empty parts and `.`; UnsafePathError for one that leads out.

    Names that only another system would mind are kept: these files stay on
    this machine.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    long = len(os.fsencode(path)) > _LONGEST_PATH_BYTES or any(
        len(os.fsencode(part)) > _LONGEST_NAME_BYTES for part in parts
    )
    if path.startswith("/") or ".." in parts or "\0" in path or long or not parts:
        raise UnsafePathError(
            f"The data name a path that no dataset may have: {path[:200]!r}.",
            hint="Nothing was placed. The data may be damaged, or meant to do harm.",
        )
    return "/".join(parts)


def stays_inside(path: str, target: str) -> bool:
    """Whether a symbolic link at `path` to `target` leads to something in the same folder."""
    if not target or target.startswith("/") or "\0" in target:
        return False
    led = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return led != ".." and not led.startswith("../")
