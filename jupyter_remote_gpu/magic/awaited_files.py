"""Local cells wait for the files they read that are still on their way from a machine.

What a cell's text, and the code and values it names, says of files is waited for before
it runs; what it opens by a name that nobody could see is waited for when it does.
"""

from __future__ import annotations

import ast
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jupyter_remote_gpu.commands.progress import SHOWN_AFTER_SECONDS, pace_text
from jupyter_remote_gpu.errors import StillComingError
from jupyter_remote_gpu.files.meant import meant
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.file_words import named
from jupyter_remote_gpu.session.summary import seconds_text
from jupyter_remote_gpu.session.sync import ProjectSync
from jupyter_remote_gpu.session.sync_report import Coming

from . import file_opens
from .coming_files import SHOWN_EVERY_SECONDS, done_bytes, how_far
from .file_places import Places
from .joined import Joined
from .reachable_texts import reachable_texts

_TICK_SECONDS = 0.1


class AwaitedFiles:
    """What local cells of one notebook wait for. `look`, `before_cell` and `after_cell` are
    called by the thread that runs cells; files may be opened in any.

    `root` is the project's folder, `joined` gives the machines in use, `names` are the
    notebook's. Costs microseconds a cell while nothing is coming.
    """

    def __init__(
        self, root: str, joined: Callable[[], Sequence[Joined]], names: Mapping[str, Any]
    ) -> None:
        self._root = root
        self._joined = joined
        self._names = names
        self._places = Places(root, ())
        self._told: set[tuple[str, str, Any]] = set()
        self._process = os.getpid()
        self._running = False

    def look(self) -> list[str]:
        """Take note of what is on its way; return the paths, in the project."""
        paths = sorted({path for _, files in self._all() for path in _awaited(files)})
        if paths:
            if self._places.paths != paths:
                self._places = Places(self._root, paths)
            self._process = os.getpid()
            file_opens.listen(self._heard)
        else:
            file_opens.forget(self._heard)
        return paths

    def close(self) -> None:
        """Wait for nothing more."""
        file_opens.forget(self._heard)

    def before_cell(self, tree: ast.Module) -> None:
        """Wait for what a cell is seen to read, before it runs.

        Raises StillComingError if the user stops that, or if a file was given up; that
        is said once, and then what lies here counts.
        """
        self._running = True
        coming, kept = self.look(), self._untold()
        if not coming and not kept:
            return
        texts = reachable_texts(tree, self._names, self._is_own)
        folder = os.getcwd()
        try:
            self._await(meant(texts, folder, self._root, coming))
        except KeyboardInterrupt:
            on_way = self._on_way(meant(texts, folder, self._root, coming))
            raise StillComingError(
                f"this cell was not run: {on_way}",
                hint="It goes on coming. Run the cell again, or `%remote_gpu sync` waits for it.",
            ) from None
        for path in meant(texts, folder, self._root, {path for _, path, _ in kept}):
            self._tell_kept([one for one in kept if one[1] == path])

    def after_cell(self, error: BaseException | None) -> None:
        """Say of a file that a cell did not find that it waits for the user's word."""
        self._running = False
        if isinstance(error, FileNotFoundError) and isinstance(error.filename, (str, bytes)):
            missing = os.path.realpath(os.fsdecode(error.filename))
            for joined, files in self._all():
                for path, entry in files.kept.items():
                    if os.path.realpath(os.path.join(self._root, path)) == missing:
                        self._tell_kept([(joined, path, entry)])

    # -- what comes -----------------------------------------------------------------------------

    def _all(self) -> list[tuple[Joined, ProjectSync]]:
        found = [(one, one.place.files) for one in self._joined()]
        return [(one, files) for one, files in found if files is not None]

    def _await(self, paths: Sequence[str]) -> None:
        """Wait until none of these is on its way; StillComingError for one that was given up."""
        for joined, files in self._all() if paths else ():
            some = _awaited(files).intersection(paths)
            if some:
                with _line(joined, files, some) as show:
                    while not files.await_coming(some, _TICK_SECONDS):
                        show()
                _raise_lost(joined, files, some)

    def _on_way(self, paths: Sequence[str]) -> str:
        """Return of files how far they are: "model.pt is still coming from box, 3 of 9 MB"."""
        found = []
        for joined, files in self._all():
            some = tuple(one for one in files.coming() if one.file.path in paths)
            if some:
                found.append(
                    f"{_names_of(some)} is still coming from {joined.name}, {how_far(some)}"
                )
        return "; ".join(found) or "it was stopped when what it reads had just come"

    def _heard(self, event: str, arguments: Sequence[Any]) -> None:
        """Wait for a file that is about to be opened; called in the thread that opens it."""
        if not self._running and threading.current_thread() is threading.main_thread():
            return  # between cells a page asks for completions and the like
        if event in file_opens.STARTS:
            words = file_opens.words_of(event, arguments)
            paths = meant(words, os.getcwd(), self._root, self._places.paths)
        else:
            paths = self._places.of(event, arguments)
        if not paths or file_opens.is_ours():
            return
        if event in file_opens.LISTS and file_opens.is_import():
            return
        if os.getpid() != self._process:
            self._heard_in_child(paths)
            return
        try:
            self._await(paths)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._on_way(paths)) from None
        if not any(_awaited(files) for _, files in self._all()):
            file_opens.forget(self._heard)

    def _heard_in_child(self, paths: Sequence[str]) -> None:
        """Refuse what was on its way when this process was forked, unless it has come since."""
        late = [path for path in paths if self._places.is_as_it_was(path)]
        if late:
            raise StillComingError(
                f"{', '.join(map(path_text, late))} was still coming when this process was started",
                hint="Processes that a cell starts cannot wait for files: `%remote_gpu sync` does.",
            )

    def _is_own(self, file: str) -> bool:
        """Whether code is the user's: of the project, and not of an environment inside it."""
        return (
            file.startswith(self._root + os.sep)
            and "site-packages" not in file
            and not file.startswith(sys.prefix + os.sep)
        )

    # -- what waits for the user's word -------------------------------------------------------

    def _untold(self) -> list[tuple[Joined, str, Any]]:
        kept = [(one, path, entry) for one, f in self._all() for path, entry in f.kept.items()]
        return [one for one in kept if (one[0].name, *one[1:]) not in self._told]

    def _tell_kept(self, kept: Iterable[tuple[Joined, str, Any]]) -> None:
        for joined, path, entry in kept:
            self._told.add((joined.name, path, entry))
            shown = path_text(path)
            is_here = os.path.lexists(os.path.join(self._root, path))
            has = "this cell has the one of here" if is_here else "it is not here"
            joined.front_end.note(
                f"{joined.name} ▸ {shown} of {joined.name} waits for your word, and {has}:"
                f" `%remote_gpu kept accept {shown}` puts it in its place"
            )


def _awaited(files: ProjectSync) -> set[str]:
    return {one.file.path for one in (*files.coming(), *files.given_up())}


def _names_of(coming: Iterable[Coming]) -> str:
    return named((one.file.path, False) for one in coming)


def _raise_lost(joined: Joined, files: ProjectSync, paths: Iterable[str]) -> None:
    lost = [one for one in files.given_up() if one.file.path in paths]
    for one in lost:
        files.forget_given_up(one.file.path)
    if lost:
        raise StillComingError(
            f"{_names_of(lost)} did not come from {joined.name}: {lost[0].trouble}",
            hint="`%remote_gpu sync` brings it. Run the cell again to have it run with what lies"
            " here.",
        )


@contextlib.contextmanager
def _line(joined: Joined, files: ProjectSync, paths: set[str]) -> Iterator[Callable[[], None]]:
    """Give what shows, in the running cell, how far files are; threads of the user show nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    bar, began, shown_at = joined.front_end.step_bar(), time.monotonic(), 0.0
    first: int | None = None
    names = ""

    def show() -> None:
        nonlocal shown_at, first, names
        now = time.monotonic()
        if now - began < SHOWN_AFTER_SECONDS or now - shown_at < SHOWN_EVERY_SECONDS:
            return
        some = tuple(one for one in files.coming() if one.file.path in paths)
        if not some:
            return
        done, total = done_bytes(some), sum(one.file.bytes for one in some)
        first, shown_at = done if first is None else first, now
        names = names or _names_of(some)
        trouble = next((f"; {one.trouble}" for one in some if one.trouble), "")
        pace = pace_text(Step("", done, total), first, now - began)
        text = f"{joined.name} ▸ waiting for {_names_of(some)}, {how_far(some)}{pace}{trouble}"
        bar.show(text, done / total if total else None)

    try:
        yield show
    except BaseException:
        if names:
            bar.end(f"{joined.name} ▸ stopped waiting for {names}")
        raise
    if names:
        waited = seconds_text(time.monotonic() - began)
        bar.end(f"{joined.name} ▸ waited {waited} for {names}")
