"""What kind of archive a file is, by its first bytes: names lie."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
from collections.abc import Callable
from enum import Enum
from typing import IO, Any

from .part import Part

_HEAD_BYTES = 4096


class Archive(Enum):
    """What is done with a file that is to be unpacked; the value is for people."""

    ZIP = "zip archive"
    TAR = "tar archive"
    PACKED_TAR = "packed tar archive"
    PACKED = "packed file"
    NONE = "no archive"


Opener = Callable[[IO[bytes]], Any]
_PACKED: tuple[tuple[bytes, Opener], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file, mode="rb")),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
)


def kind_of(part: Part) -> Archive:
    """Return what a whole file is. Reads its first bytes."""
    head = os.pread(part.number, _HEAD_BYTES, 0)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Archive.ZIP
    if _is_tar(head):
        return Archive.TAR
    opener = opener_of(head)
    if opener is None:
        return Archive.NONE
    with open(part.path, "rb") as file, opener(file) as unpacked:
        try:
            inner = unpacked.read(tarfile.BLOCKSIZE)
        except (OSError, EOFError, lzma.LZMAError):
            return Archive.PACKED
    return Archive.PACKED_TAR if _is_tar(inner) else Archive.PACKED


def opener_of(head: bytes) -> Opener | None:
    """Return what unpacks a file that begins with these bytes; None if nothing here does."""
    return next((opener for mark, opener in _PACKED if head.startswith(mark)), None)


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
