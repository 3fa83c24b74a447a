"""A sync in a thread of its own while an environment is built: neither waits for the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from jupyter_remote_gpu.errors import FilesError, RemoteGPUError
from jupyter_remote_gpu.protocol.steps import Step, Told

log = logging.getLogger(__name__)
_TICK_SECONDS = 0.1


class Ahead:
    """Work that is begun before anybody waits for it. Any thread but its own may call.

    Its steps are told to whoever waits, from then on: one line shows one thing.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._latest: Step | None = None

    def begin(self, work: Callable[[Told], None]) -> None:
        """Begin; nothing happens if it goes on already. What fails is left to whoever comes next.

        `work` is given whom it tells its steps; that raises once it is stopped.
        """
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopped.clear()
        self._latest = None
        self._thread = threading.Thread(
            target=self._run, args=(work,), name="files-ahead", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Have it end at its next step; waits for nothing."""
        self._stopped.set()

    def join(self, told: Told) -> None:
        """Wait until it has ended, and tell how far it is. Interrupted, it is stopped too."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        try:
            while thread.is_alive():
                if self._latest is not None:
                    told(self._latest)
                thread.join(_TICK_SECONDS)
        except BaseException:
            self.stop()
            raise
        self._thread = None

    def _run(self, work: Callable[[Told], None]) -> None:
        try:
            work(self._hear)
        except (RemoteGPUError, OSError) as error:
            log.info("the files could not be synced ahead: %s", error)
        except Exception:
            log.exception("the files could not be synced ahead")

    def _hear(self, step: Step) -> None:
        if self._stopped.is_set():
            raise FilesError("the first sync was stopped")
        self._latest = step
