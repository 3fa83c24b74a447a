"""Paths that a source or an archive names: only those that stay inside the dataset's folder."""

from __future__ import annotations

from jupyter_remote_gpu.errors import UnsafePathError

_MAX_PATH_BYTES = 4096
_MAX_NAME_BYTES = 255


def checked_path(path: str) -> str:
    """Return a path from outside, with slashes and no empty parts; raises UnsafePathError.

    Refused is what leaves the folder (`..`, absolute, a drive), what cannot be
    a name (empty, control characters, too long), and what another system reads
    as a separator.
    """
    parts = path.split("/")
    if len(path.encode("utf-8", "surrogateescape")) > _MAX_PATH_BYTES or not all(map(_fine, parts)):
        raise UnsafePathError(
            f"The data name a path that no dataset may have: {path[:200]!r}.",
            hint="Nothing was written. The data may be damaged, or meant to do harm.",
        )
    return path


def _fine(name: str) -> bool:
    if name in ("", ".", "..") or "\\" in name or (len(name) > 1 and name[1] == ":"):
        return False
    if len(name.encode("utf-8", "surrogateescape")) > _MAX_NAME_BYTES:
        return False
    return not any(ord(sign) < 32 or ord(sign) == 127 for sign in name)
