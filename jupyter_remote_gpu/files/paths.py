"""Which paths from outside may be written, and which a file system cannot tell apart."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Sequence

from jupyter_remote_gpu.chunks.tree import is_path
from jupyter_remote_gpu.errors import UnsafePathError

from .folders import Folder
from .rules import TEMPORARY
from .staging import PROBE, Change

_INVISIBLE = dict.fromkeys(
    [0x200C, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)
"""What macOS leaves out when it compares names."""
_DEVICES = {
    "con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10)),
}  # fmt: skip


def checked(path: bytes) -> bytes:
    """Return the path if it may be written to; raises UnsafePathError.

    A repository's own folder is never written to, under whatever name a file
    system knows it: what lies there is run by Git.
    """
    if not is_path(path):
        raise UnsafePathError(f"{path!r} is no path inside a project; nothing was written")
    if path.isascii() and b"git" not in path.lower() and TEMPORARY not in path:
        return path  # nearly all
    for name in path.split(b"/"):
        plain = folded(name).rstrip(". ")
        if plain in (".git", "git~1") or name.startswith(TEMPORARY):
            raise UnsafePathError(
                f"{os.fsdecode(path)} is a repository's own or an unfinished file, which no"
                " machine may write; nothing was written"
            )
    return path


def folded(name: bytes) -> str:
    """Return what names have in common that a file system may take for the same."""
    text = os.fsdecode(name).translate(_INVISIBLE)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())


def clashes(root: Folder, known: Collection[bytes], changes: Sequence[Change]) -> dict[bytes, str]:
    """Return, with the reason, the new paths that this file system would mix up or cannot hold."""
    refused = {}
    if os.name == "nt":
        refused = {c.path: "Windows cannot hold this name" for c in changes if _not_for_windows(c)}
    # Only a new name can meet another one.
    if any(c.before is None and c.after is not None for c in changes) and ignores_case(root):
        refused.update(_same_names(known, changes))
    return refused


def _same_names(known: Collection[bytes], changes: Sequence[Change]) -> dict[bytes, str]:
    gone = {change.path for change in changes if change.after is None}
    taken = {folded(path): path for path in known if path not in gone}
    refused = {}
    for change in sorted(changes, key=lambda change: change.path):
        if change.after is None:
            continue
        other = taken.setdefault(folded(change.path), change.path)
        if other != change.path:
            refused[change.path] = (
                f"this file system takes it for the same file as {os.fsdecode(other)}"
            )
    return refused


def ignores_case(root: Folder) -> bool:
    """Whether this folder's file system takes `a` and `A` for the same name. Makes a file."""
    name = PROBE + b"%d" % os.getpid()
    number = os.open(root.name(name), os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=root.number)
    os.close(number)
    try:
        return root.stat(name.upper()) is not None
    finally:
        os.unlink(root.name(name), dir_fd=root.number)


def _not_for_windows(change: Change) -> bool:
    if change.after is None:
        return False
    return any(
        set(name) & set(b'<>:"\\|?*')
        or name.endswith((b".", b" "))
        or os.fsdecode(name).partition(".")[0].lower() in _DEVICES
        for name in change.path.split(b"/")
    )
