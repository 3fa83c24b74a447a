"""Files that are too large to wait for: they come while cells go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from jupyter_remote_gpu.chunks.directory_store import DirectoryStore
from jupyter_remote_gpu.chunks.tree import Entry, FileEntry
from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.files.held import HeldChunks
from jupyter_remote_gpu.files.plan import Step
from jupyter_remote_gpu.protocol.steps import Step as Told

from .sync_report import Coming
from .sync_sides import moved, size_of
from .sync_there import There

log = logging.getLogger(__name__)
RETRY_SECONDS = (1.0, 5.0, 20.0, 60.0)
"""After a connection broke, how long until the next attempt."""
MOST_TRIES = 8
"""After so many more a file is given up: whoever looks at the machine again asks for it anew."""


@dataclass(slots=True)
class _One:
    """One file on its way."""

    step: Step
    done: int = 0
    tries: int = 0
    urgent: bool = False
    trouble: str = ""


class _Overtaken(Exception):
    """Somebody waits for another file: that one comes first. What came of this one is kept."""


class Later:
    """One thread that brings files, the smallest first. Any thread may call any method.

    `there` gives a machine's half of its own, `held` the chunks of here, `store` the
    place where chunks lie until a file is whole; `place` puts it into its place, and
    returns the step for a newer version, if that is what lies there now. What
    has come is kept: another process goes on with it.
    """

    def __init__(
        self,
        there: Callable[[], There],
        held: Callable[[], HeldChunks],
        store: Callable[[], DirectoryStore],
        place: Callable[[Step, DirectoryStore], Step | None],
    ) -> None:
        self._there = there
        self._held = held
        self._store = store
        self._place = place
        self._changed = threading.Condition()
        self._files: dict[bytes, _One] = {}
        self._failed: dict[bytes, _One] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def want(self, steps: list[Step]) -> None:
        """Bring these too; a newer version of a file takes the place of the one on its way."""
        with self._changed:
            for step in steps:
                self._failed.pop(step.path, None)
                known = self._files.get(step.path)
                if known is None or known.step.there != step.there:
                    urgent = known is not None and known.urgent
                    self._files[step.path] = _One(step, urgent=urgent)
            if self._files and self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="files-later", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def coming(self) -> tuple[Coming, ...]:
        """Return what is on its way, and how much of it is here."""
        with self._changed:
            return tuple(map(_told, self._files.values()))

    def failed(self) -> tuple[Coming, ...]:
        """Return what was given up, with the reason; a look at the machine brings it again."""
        with self._changed:
            return tuple(map(_told, self._failed.values()))

    def forget_failed(self, paths: Iterable[bytes] | None = None) -> None:
        """Say no more of what was given up at these paths; of all, if None."""
        with self._changed:
            for path in tuple(self._failed) if paths is None else paths:
                self._failed.pop(path, None)

    def expects(self, path: bytes, entry: Entry | None) -> bool:
        """Whether this version of a path is on its way."""
        with self._changed:
            one = self._files.get(path)
            return one is not None and one.step.there == entry

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is on its way, or nothing more is brought; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or not self._files, seconds)

    def wait_for(self, paths: Collection[bytes], seconds: float | None = None) -> bool:
        """Wait until none of these is on its way, which they are before others; whether so.

        True too if nothing more is brought, as after `close`.
        """
        with self._changed:
            for path in paths:
                if path in self._files:
                    self._files[path].urgent = True
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: self._closed or self._files.keys().isdisjoint(paths), seconds
            )

    def close(self) -> None:
        """Bring nothing more; what has come of a file is kept."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        there = self._there()
        while (one := self._next()) is not None:
            try:
                self._bring(there, one)
            except _Overtaken:  # noqa: PERF203  (one file a turn)
                continue
            except RemoteGPUError as error:
                log.info("a file did not come yet: %s", error)
                self._again(one, error.message)
            except Exception as error:
                # whoever looks again finds that it is not here
                log.exception("a file could not be brought back")
                self._give_up(one, f"{type(error).__name__}: {error}")

    def _next(self) -> _One | None:
        with self._changed:
            if self._closed or not self._files:
                self._thread = None
                self._changed.notify_all()
                return None
            return min(self._files.values(), key=lambda o: (not o.urgent, size_of(o.step.there)))

    def _bring(self, there: There, one: _One) -> None:
        """Fetch one file and put it into its place."""
        entry = one.step.there
        assert isinstance(entry, FileEntry), "only files are large"

        def told(step: Told) -> None:
            one.done, one.trouble = step.done, ""
            if self._closed or self._is_overtaken(one):
                raise _Overtaken

        store, held = self._store(), self._held()
        try:
            there.fetch([entry.content], held, store, told)
            newer = self._place(one.step, store)
            if newer is None and self._is_last(one):
                # first, since whoever waits for the file may end this process
                store.trim(0)
            self._forget(one, newer)
        finally:
            held.close()
            store.close()

    def _is_overtaken(self, one: _One) -> bool:
        """Whether this file is to come no more, or not before another one."""
        with self._changed:
            if self._files.get(one.step.path) is not one:
                return True
            return not one.urgent and any(other.urgent for other in self._files.values())

    def _again(self, one: _One, trouble: str) -> None:
        """Wait before the next attempt, but for the last one: then the file is given up.

        Another file that somebody waits for does not wait for that.
        """
        with self._changed:
            wait = RETRY_SECONDS[min(one.tries, len(RETRY_SECONDS) - 1)]
            one.tries += 1
            one.trouble = trouble
            if one.tries <= MOST_TRIES:
                self._changed.wait_for(lambda: self._closed or self._is_overtaken(one), wait)
                return
        self._give_up(one, trouble)

    def _give_up(self, one: _One, trouble: str) -> None:
        with self._changed:
            one.trouble = trouble
            if self._files.get(one.step.path) is one:
                self._failed[one.step.path] = one
        self._forget(one)

    def _is_last(self, one: _One) -> bool:
        with self._changed:
            return [*self._files.values()] == [one]

    def _forget(self, one: _One, newer: Step | None = None) -> None:
        """Take a file for done; `newer` is what has to come in its place."""
        with self._changed:
            if self._files.get(one.step.path) is one:
                del self._files[one.step.path]
                if newer is not None and one.tries < MOST_TRIES:
                    self._files[newer.path] = _One(newer, tries=one.tries + 1, urgent=one.urgent)
                elif newer is not None:
                    one.trouble = "it was written anew each time before it had come"
                    self._failed[newer.path] = one
            self._changed.notify_all()


def _told(one: _One) -> Coming:
    return Coming(moved(one.step.path, one.step.there), one.done, one.trouble)
