"""Giving back to the disk a part of a file that is not needed any more; its size stays."""

from __future__ import annotations

import ctypes
import errno
import os
import tempfile
from functools import lru_cache
from pathlib import Path

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_BLOCK_BYTES = 4096


@lru_cache(maxsize=1)
def _fallocate() -> ctypes._NamedFuncPointer | None:
    found = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return found


def punch(number: int, start: int, end: int) -> None:
    """Free the whole blocks between two offsets of an open file; OSError where it cannot be."""
    first = -(-start // _BLOCK_BYTES) * _BLOCK_BYTES
    last = end // _BLOCK_BYTES * _BLOCK_BYTES
    call = _fallocate()
    if last <= first:
        return
    if call is None:
        raise OSError(errno.EOPNOTSUPP, "this C library has no fallocate")
    if call(number, _KEEP_SIZE | _PUNCH_HOLE, first, last - first):
        problem = ctypes.get_errno()
        raise OSError(problem, os.strerror(problem))


def can_punch(folder: Path) -> bool:
    """Whether the file system of a folder gives parts of files back. Makes a file."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(2 * _BLOCK_BYTES))
        file.flush()
        try:
            punch(file.fileno(), 0, _BLOCK_BYTES)
        except OSError:
            return False
        return True
