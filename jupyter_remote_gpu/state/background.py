"""Threads that a cell leaves running: those that may still change the user's values."""

from __future__ import annotations

import threading

OWN_THREADS = "remote-gpu-"
"""How the names of our own threads begin that may start while a cell runs."""
_QUIET_MODULES = frozenset({"tqdm._monitor"})
"""Where threads are made that only look: tqdm's wakes its own bars, and each bar would be told."""


def user_threads() -> int:
    """Return how many threads there are that may change values; quick."""
    return sum(
        not thread.name.startswith(OWN_THREADS) and type(thread).__module__ not in _QUIET_MODULES
        for thread in threading.enumerate()
    )
