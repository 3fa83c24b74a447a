"""A folder, a file or an archive on this computer as a source: there are no links to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from jupyter_remote_gpu.errors import InternalError, NoSuchDataError, PrivateDataError

from .paths import checked_path
from .reference import Reference, is_archive
from .source import Link, RemoteFile, Resolved, Source

_MAX_FILES = 1_000_000


class LocalSource(Source):
    """What lies here. The session sends the bytes itself; `place` says where each file is."""

    def resolve(self, reference: Reference) -> Resolved:
        """Look at the folder: paths, sizes and times of change; no file is read."""
        root = Path(reference.place)
        try:
            if not root.is_dir():
                found = [(root.name, root.stat())]
                unpack = is_archive(root.name)
            else:
                found, unpack = list(_files(root)), False
        except FileNotFoundError:
            raise NoSuchDataError(
                f"There is no {root} on this computer.",
                hint="Local paths are relative to the notebook's folder, or the terminal's.",
            ) from None
        except OSError as error:
            raise PrivateDataError(
                f"{root} cannot be read: {error.strerror}.", hint="May you read all of it?"
            ) from None
        seen = sha256()
        for path, status in found:
            line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
            seen.update(line.encode("utf-8", "surrogateescape"))
        files = tuple(
            RemoteFile(checked_path(path), status.st_size, unpack=unpack) for path, status in found
        )
        return Resolved(reference, seen.hexdigest()[:12], files)

    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Refuse: who asks for links to local files has not looked at `lies_here`."""
        raise InternalError(f"links to {resolved.text} were asked for, which lies here")


def place(resolved: Resolved, file: RemoteFile) -> Path:
    """Return where a file of local data is on this computer."""
    root = Path(resolved.reference.place)
    return root / file.path if root.is_dir() else root


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every regular file below a folder in order; links to folders are not followed."""
    count = 0
    for folder, inner, names in os.walk(root, onerror=_raise):
        inner.sort()
        for name in sorted(names):
            path = Path(folder, name)
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # a link to nothing, or deleted meanwhile
            if stat.S_ISREG(status.st_mode):
                yield path.relative_to(root).as_posix(), status
                count += 1
        if count > _MAX_FILES:
            raise NoSuchDataError(
                f"{root} holds more than {_MAX_FILES:,} files.",
                hint="Pack them into an archive, which is sent as one file and unpacked there.",
            )


def _raise(error: OSError) -> None:
    raise error
