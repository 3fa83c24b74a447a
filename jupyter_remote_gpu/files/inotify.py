"""Linux's own reports of what changes in a folder and in all that lies in it.

Linux queues a report before the call that changes something returns: whoever
reads the queue afterwards has it. So nothing has to be waited for, where a
library that reads it in a thread of its own takes some milliseconds a question.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 16
_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_RAN_OVER, _IGNORED, _IS_FOLDER = 0x4000, 0x8000, 0x40000000
_ONLY_FOLDERS, _NO_LINKS, _NOT_UNLINKED = 0x01000000, 0x02000000, 0x04000000
# A file that is written through memory reports its closing alone.
_CHANGES = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_GONE = _DELETE_SELF | _MOVE_SELF
_MASK = _CHANGES | _GONE | _ONLY_FOLDERS | _NO_LINKS | _NOT_UNLINKED
_PASSED_OVER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES})
"""What is gone, or is no folder any more, was reported; into what is closed nobody looks."""


class Reports:
    """The reports about one folder. Used by one thread at a time.

    What is not there raises OSError, and so does a system that has no room for more
    watches (ENOSPC) or queues (EMFILE), or no such reports at all (ENOSYS).
    """

    def __init__(self, root: Path) -> None:
        self._root = os.fsencode(root)
        self._system = ctypes.CDLL(None, use_errno=True)
        self._queue = -1
        self._open()

    def _open(self) -> None:
        """Watch all folders, with an empty queue."""
        if not hasattr(self._system, "inotify_init1"):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        self._paths: dict[int, bytes] = {}
        self._numbers: dict[bytes, int] = {}
        self._queue = _succeeded(self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._poll = select.poll()
        self._poll.register(self._queue, select.POLLIN)
        try:
            self._watch(b"")
        except BaseException:
            self.close()
            raise

    @property
    def waiting(self) -> bool:
        """Whether `changed` has anything to tell."""
        return bool(self._poll.poll(0))

    def changed(self) -> set[bytes] | None:
        """Return the paths that changed since the last call; None if some may have been lost.

        Complete as of this call. A folder that came or was moved stands for all
        that lies in it. After None all is watched anew; after an error nothing is.
        """
        found: set[bytes] = set()
        whole = True
        for number, mask, name in self._read():
            path = self._paths.get(number)
            if mask & _RAN_OVER:
                whole = False
            elif path is not None:
                whole = self._follow(path, mask, name) and whole
                found.add(_joined(path, name))
            if mask & _IGNORED and path is not None:
                self._drop(number, path)
        if not whole:
            self.close()
            self._open()
        return found if whole else None

    def close(self) -> None:
        """Let go of the queue; more than once is no error."""
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1

    def _read(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield what waits in the queue: the watch's number, what happened, and to which name."""
        while True:
            try:
                data = os.read(self._queue, _READ_BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size
                yield number, mask, data[at : at + length].rstrip(b"\0")
                at += length

    def _follow(self, path: bytes, mask: int, name: bytes) -> bool:
        """Follow what happens to a folder, or to what lies in it; False if the root is gone."""
        if not name:
            return bool(path) or not mask & _GONE
        if mask & _IS_FOLDER:
            full = _joined(path, name)
            if mask & _MOVED_FROM:
                self._forget(full)
            elif mask & (_CREATE | _MOVED_TO) or (mask & _ATTRIB and full not in self._numbers):
                # (with other rights it may be one that can be looked into now)
                self._watch(full)
        return True

    def _watch(self, path: bytes) -> None:
        """Watch a folder and those in it: first itself, so that none can come in unseen."""
        left = [path]
        while left:
            path = left.pop()
            full = os.path.join(self._root, path) if path else self._root
            try:
                add: Any = self._system.inotify_add_watch
                number = _succeeded(add(self._queue, ctypes.c_char_p(full), _MASK))
                self._name(number, path)
                with os.scandir(full) as entries:
                    inside = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
            except OSError as error:
                if path and error.errno in _PASSED_OVER:
                    continue
                raise
            left += [_joined(path, name) for name in inside]

    def _name(self, number: int, path: bytes) -> None:
        """Note the path of a watched folder: it may have had another, and another one this."""
        before = self._paths.get(number)
        if before is not None:
            self._drop(number, before)
        self._paths[number], self._numbers[path] = path, number

    def _drop(self, number: int, path: bytes) -> None:
        del self._paths[number]
        if self._numbers.get(path) == number:
            del self._numbers[path]

    def _forget(self, path: bytes) -> None:
        """Watch a folder that was moved away no more, nor those in it: it may be anywhere."""
        inside = path + b"/"
        for below in [p for p in self._numbers if p == path or p.startswith(inside)]:
            number = self._numbers[below]
            self._drop(number, below)
            with contextlib.suppress(OSError):  # it was deleted since
                _succeeded(self._system.inotify_rm_watch(self._queue, number))


def _joined(path: bytes, name: bytes) -> bytes:
    return path + b"/" + name if path and name else path or name


def _succeeded(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
