"""Files that are too large to wait for: they come while cells go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
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


@dataclass(slots=True)
class _One:
    """One file on its way."""

    step: Step
    done: int = 0
    tries: int = 0


class Later:
    """One thread that brings files, the smallest first. Any thread may call any method.

    `there` gives a machine's half of its own, `held` the chunks of here, `store` the
    place where chunks lie until a file is whole; `place` puts it into its place. What
    has come is kept: another process goes on with it.
    """

    def __init__(
        self,
        there: Callable[[], There],
        held: Callable[[], HeldChunks],
        store: Callable[[], DirectoryStore],
        place: Callable[[Step, DirectoryStore], None],
    ) -> None:
        self._there = there
        self._held = held
        self._store = store
        self._place = place
        self._changed = threading.Condition()
        self._files: dict[bytes, _One] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def want(self, steps: list[Step]) -> None:
        """Bring these too; a newer version of a file takes the place of the one on its way."""
        with self._changed:
            for step in steps:
                known = self._files.get(step.path)
                if known is None or known.step.there != step.there:
                    self._files[step.path] = _One(step)
            if self._files and self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="files-later", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def coming(self) -> tuple[Coming, ...]:
        """Return what is on its way, and how much of it is here."""
        with self._changed:
            return tuple(
                Coming(moved(one.step.path, one.step.there), one.done)
                for one in self._files.values()
            )

    def expects(self, path: bytes, entry: Entry | None) -> bool:
        """Whether this version of a path is on its way."""
        with self._changed:
            one = self._files.get(path)
            return one is not None and one.step.there == entry

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is on its way; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._files, seconds)

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
            except RemoteGPUError as error:  # noqa: PERF203  (one file a turn)
                log.info("a file did not come yet: %s", error)
                if not self._again(one):
                    return
            except Exception:
                # whoever looks again finds that it is not here
                log.exception("a file could not be brought back")
                self._forget(one)

    def _next(self) -> _One | None:
        with self._changed:
            if self._closed or not self._files:
                self._thread = None
                self._changed.notify_all()
                return None
            return min(self._files.values(), key=lambda one: size_of(one.step.there))

    def _bring(self, there: There, one: _One) -> None:
        """Fetch one file and put it into its place."""
        entry = one.step.there
        assert isinstance(entry, FileEntry), "only files are large"

        def told(step: Told) -> None:
            one.done = step.done
            if self._closed:
                raise InterruptedError

        store, held = self._store(), self._held()
        try:
            there.fetch([entry.content], held, store, told)
            self._place(one.step, store)
            if self._is_last(one):
                # first, since whoever waits for the file may end this process
                store.trim(0)
            self._forget(one)
        except InterruptedError:
            return  # closed meanwhile
        finally:
            held.close()
            store.close()

    def _again(self, one: _One) -> bool:
        """Wait before the next attempt; False if this is over."""
        with self._changed:
            wait = RETRY_SECONDS[min(one.tries, len(RETRY_SECONDS) - 1)]
            one.tries += 1
            if one.tries > 2 * len(RETRY_SECONDS):
                self._files.pop(one.step.path, None)
                self._changed.notify_all()
                return True
            self._changed.wait_for(lambda: self._closed, wait)
            if self._closed:
                self._thread = None
            return not self._closed

    def _is_last(self, one: _One) -> bool:
        with self._changed:
            return [*self._files.values()] == [one]

    def _forget(self, one: _One) -> None:
        with self._changed:
            if self._files.get(one.step.path) is one:
                del self._files[one.step.path]
            self._changed.notify_all()
