"""The line below a cell whose large files still come, while the user goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from jupyter_remote_gpu.commands.progress import StepBar
from jupyter_remote_gpu.session.file_words import moved_text
from jupyter_remote_gpu.session.summary import size_text
from jupyter_remote_gpu.session.sync import ProjectSync
from jupyter_remote_gpu.session.sync_report import Coming, Moved

SHOWN_EVERY_SECONDS = 0.5


class ComingFiles:
    """Keeps one line up to date until nothing of a machine is on its way any more.

    `open_bar` makes a line of the cell that is running. `look` is called by the
    thread that runs cells, after each remote one; `close` by any, and waits for nothing.
    """

    def __init__(self, machine: str, files: ProjectSync, open_bar: Callable[[], StepBar]) -> None:
        self._machine = machine
        self._files = files
        self._open_bar = open_bar
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begin a line if files are coming and none tells of them yet."""
        if not self._files.coming() or (self._thread is not None and self._thread.is_alive()):
            return
        work, bar = self._follow, self._open_bar()
        self._thread = threading.Thread(target=work, args=(bar,), name="coming", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Say no more."""
        self._closed.set()

    def _follow(self, bar: StepBar) -> None:
        seen: dict[str, Moved] = {}
        while coming := self._files.coming():
            seen.update((one.file.path, one.file) for one in coming)
            total = sum(one.file.bytes for one in coming)
            bar.show(
                coming_text(self._machine, coming), done_bytes(coming) / total if total else None
            )
            if self._closed.wait(SHOWN_EVERY_SECONDS):
                return
        bar.end(self._ended(list(seen.values())))

    def _ended(self, files: list[Moved]) -> str:
        here = [one for one in files if self._is_here(one)]
        if len(here) == len(files):
            return f"{self._machine} ▸ {moved_text(files)} came back"
        late = [one for one in files if one not in here]
        return f"{self._machine} ▸ not in its place: {moved_text(late)}; the next cell says why"

    def _is_here(self, one: Moved) -> bool:
        try:
            return os.stat(self._files.root / one.path).st_size == one.bytes
        except OSError:
            return False


def coming_text(machine: str, coming: tuple[Coming, ...]) -> str:
    """Return the line: "gpu-box ▸ still coming: model.pt, 64.0 MB of 160 MB (40 %)".

    Without a machine only what stands behind its name.
    """
    names = moved_text([Moved(one.file.path) for one in coming])
    begin = f"{machine} ▸ " if machine else ""
    return f"{begin}still coming: {names}, {how_far(coming)}"


def how_far(coming: tuple[Coming, ...]) -> str:
    """Return how much of some files is here: "64.0 MB of 160 MB (40 %)"."""
    total = sum(one.file.bytes for one in coming)
    percent = f" ({done_bytes(coming) / total:.0%})".replace("%", " %") if total else ""
    return f"{size_text(done_bytes(coming))} of {size_text(total)}{percent}"


def done_bytes(coming: tuple[Coming, ...]) -> int:
    """Return how many bytes of some files are here."""
    return sum(min(one.done, one.file.bytes) for one in coming)
