"""Word of each file that Python code of this process is about to open, list or give a program.

Python's audit hooks cannot be taken out again; ours is put in when it is needed first,
and while nobody listens it returns at once.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import PurePath
from types import FrameType
from typing import Any

Listener = Callable[[str, Sequence[Any]], None]
"""Given an event's name and arguments; what it raises is raised where the file is opened."""

OPENS = {
    "open": 1,
    "os.truncate": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.link": 2,
    "sqlite3.connect": 1,
}
"""Events about files, with how many of the first arguments are paths."""
LISTS = {"os.listdir": 1, "os.scandir": 1}
"""Events about folders that are listed; patterns (`glob`) list them too."""
STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})
"""Events about programs: what they read is guessed from the words they are given."""
_OURS = __name__.partition(".")[0]
_LOOKS_FOR_MODULES = frozenset({"importlib", "importlib_metadata", "pkg_resources", "pkgutil"})
_MOST_FRAMES = 400
_NEAR_FRAMES = 4

_listeners: tuple[Listener, ...] = ()
_installed = False
_inside = threading.local()


def listen(listener: Listener) -> None:
    """Have a listener hear of files from now on; any thread. Nothing happens if it does."""
    global _listeners, _installed
    if listener not in _listeners:
        _listeners = (*_listeners, listener)
    if not _installed:
        _installed = True
        sys.addaudithook(_heard)


def forget(listener: Listener) -> None:
    """Have a listener hear no more; any thread."""
    global _listeners
    _listeners = tuple(one for one in _listeners if one != listener)


def is_ours() -> bool:
    """Whether the code that opens a file is of this package, or was called by it.

    Ours has to open files while others wait for them: that is how they arrive.
    """
    return _OURS in _rooms(_MOST_FRAMES)


def is_import() -> bool:
    """Whether a folder is listed to look for modules: Python does so for any import."""
    return not _LOOKS_FOR_MODULES.isdisjoint(_rooms(_NEAR_FRAMES))


def _rooms(most: int) -> set[str]:
    """Return the packages of the code that led to the event that is being heard of."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not _heard.__code__:
        frame = frame.f_back  # those who listen
    found: set[str] = set()
    for _ in range(most):
        frame = None if frame is None else frame.f_back
        if frame is None:
            break
        found.add(str(frame.f_globals.get("__name__", "")).partition(".")[0])
    return found


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    """Pass an event on; called by Python for each audit event of the process, in its thread."""
    if not _listeners:
        return
    if event not in OPENS and event not in LISTS and event not in STARTS:
        return
    if getattr(_inside, "now", False):
        return
    _inside.now = True
    try:
        for listener in _listeners:
            listener(event, arguments)
    finally:
        _inside.now = False


def path_of(argument: Any) -> str | None:
    """Return a path that an event is about as text; None for descriptors and what is no path.

    Some events have a `pathlib` path as it was given; no other code of the user's is called.
    """
    if isinstance(argument, (str, bytes, PurePath)):
        return os.fsdecode(argument)
    return None


def words_of(event: str, arguments: Sequence[Any]) -> list[str]:
    """Return the words that a program is started with, for one of `STARTS`."""
    found: list[str] = []
    for one in arguments[:2] if event == "subprocess.Popen" else arguments:
        several = one if isinstance(one, (list, tuple)) else (one,)
        found += [word for word in map(path_of, several) if word is not None]
    return found
