"""Putting a file in another's place so that neither can be lost, whoever else writes there.

Where the system can exchange two names in one step (Linux, macOS), what was in
the place is still there afterwards, under the other name, to be looked at. Where
it cannot, it is looked at before, and what is written in the microseconds
between is lost; `CAN_EXCHANGE` says which it is.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Any

from .folders import Folder

_NOREPLACE, _EXCHANGE = 1, 2
_MAC_SWAP, _MAC_EXCLUSIVE = 2, 4


def _system_call() -> Any:
    if sys.platform.startswith("linux"):
        name = "renameat2"
    elif sys.platform == "darwin":
        name = "renameatx_np"
    else:
        return None
    try:
        found = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return None  # an old C library
    found.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    found.restype = ctypes.c_int
    return found


_rename = _system_call()
CAN_EXCHANGE = _rename is not None
_UNABLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def _call(one: Folder, old: bytes, two: Folder, new: bytes, flags: int) -> None:
    assert one.number is not None
    assert two.number is not None
    if _rename(one.number, old, two.number, new, flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(new))


def exchange(one: Folder, old: bytes, two: Folder, new: bytes) -> bool:
    """Exchange two entries in one step; False if this file system cannot (nothing happened).

    Raises OSError: ENOENT if one is missing, EXDEV if they are on two file systems.
    """
    if _rename is None:
        return False
    try:
        flags = _EXCHANGE if sys.platform != "darwin" else _MAC_SWAP
        _call(one, old, two, new, flags)
    except OSError as error:
        if error.errno in _UNABLE:
            return False
        raise
    return True


def move_new(one: Folder, old: bytes, two: Folder, new: bytes) -> None:
    """Move an entry to a name that nothing has; FileExistsError if something does."""
    if _rename is not None:
        try:
            flags = _NOREPLACE if sys.platform != "darwin" else _MAC_EXCLUSIVE
            _call(one, old, two, new, flags)
            return
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
    if two.stat(new) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(new))
    os.rename(one.name(old), two.name(new), src_dir_fd=one.number, dst_dir_fd=two.number)


def replace(one: Folder, old: bytes, two: Folder, new: bytes) -> None:
    """Move an entry over another one, in one step; the other is gone."""
    os.replace(one.name(old), two.name(new), src_dir_fd=one.number, dst_dir_fd=two.number)
