"""Modules of the project that were edited after this side imported them."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.state.loaded import LoadedModules, reloads_itself

_MOST_NAMED = 3


class EditedModules:
    """Tells, once of each, that a machine runs newer code than this Python has.

    A machine loads what was edited before each run. Here that is the user's choice:
    `%autoreload`; nothing is said where it is on. Used by the thread that runs cells.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._loaded = LoadedModules()
        self._told: set[str] = set()
        self.look()

    def look(self) -> None:
        """Take note of what was imported; called after each cell."""
        self._loaded.look()

    def untold(self) -> str:
        """Return a line about what was edited since it was imported here; "" if there is none."""
        if reloads_itself(self._shell):
            return ""
        self._loaded.look()
        edited = [
            change.loaded
            for change in self._loaded.changed()
            if change.now is not None and change.loaded.name not in self._told
        ]
        if not edited:
            return ""
        self._told.update(loaded.name for loaded in edited)
        named = ", ".join(loaded.file for loaded in edited[:_MOST_NAMED])
        if len(edited) > _MOST_NAMED:
            named += f" and {len(edited) - _MOST_NAMED} more"
        it = "it was" if len(edited) == 1 else "they were"
        return (
            f"{named} changed since {it} imported here; there the new version is used. Here"
            f" `importlib.reload({edited[0].name})` loads it, and `%load_ext autoreload` with"
            " `%autoreload 2`, run before an edit, keeps this side up to date"
        )
