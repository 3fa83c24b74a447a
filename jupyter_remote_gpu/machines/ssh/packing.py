"""Folders as archives: packed here, whole or not at all, to be unpacked by any `tar` and `gzip`."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.replacing import PREFIX, replaced

KEPT_SECONDS = 60 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive of a folder's content, .tar.gz or .tar, and what it weighs unpacked."""

    archive: Path
    unpacked_bytes: int


def packed(cache: Path, name: str, fill: Callable[[Path], None]) -> Packed:
    """Return the archive of that name, filled by `fill(empty folder)` if it is not cached. Blocks.

    The name must say all that the content depends on. What `fill` raises goes
    on, and leaves nothing behind; two processes may do this at once.
    """
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    archive = cache / f"{name}.tar.gz"
    size = cache / f"{name}.size"
    if not (archive.exists() and size.exists()):
        with tempfile.TemporaryDirectory(dir=cache, prefix=PREFIX) as made:
            root = Path(made) / "content"
            root.mkdir()
            fill(root)
            weight = pack(root, archive)
            with replaced(size) as out:
                out.write(str(weight).encode())
    os.utime(archive)
    return Packed(archive, int(size.read_text()))


def pack(root: Path, archive: Path) -> int:
    """Pack what is in `root`; return what it weighs unpacked, in bytes."""
    total = 0
    with replaced(archive) as out, tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as tar:
        for path in sorted(root.rglob("*")):
            info = tar.gettarinfo(str(path), str(path.relative_to(root)))
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            if info.isreg():
                total += info.size
                with path.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)
    return total


def prune(cache: Path, seconds: float = KEPT_SECONDS) -> None:
    """Delete archives that were not used for so long, and what a killed process left half made."""
    limit = time.time() - seconds
    for path in cache.glob("*.tar.gz"):
        with contextlib.suppress(FileNotFoundError):  # another process deletes it too
            if path.stat().st_mtime < limit:
                path.unlink()
                path.with_name(path.name.removesuffix(".tar.gz") + ".size").unlink()
    for path in cache.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < limit:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
