"""While a run goes on for long: which of the files it writes may be brought back already."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator

from jupyter_remote_gpu.chunks.tree import Entry
from jupyter_remote_gpu.files.plan import Do, Step

_GROWS = re.compile(
    rb"(\.(log|txt|csv|tsv|jsonl|ndjson|out|err)|(^|/)events\.out\.tfevents\.[^/]*)$", re.IGNORECASE
)


class Meanwhile:
    """Remembers what a run's files were at the last look.

    A file that is as it was then has been written whole, as far as one can tell.
    Of logs every state is worth having: they only grow. `ended` is set with the run.
    """

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._before: dict[bytes, Entry | None] = {}
        self._now: dict[bytes, Entry | None] = {}

    def next_look(self) -> None:
        """What was seen until now was seen at the look before."""
        self._before, self._now = self._now, {}

    def settled(self, step: Step) -> bool:
        """Whether a file may be brought back now; remembers how it is."""
        self._now[step.path] = step.there
        if step.do is Do.FETCH and _GROWS.search(step.path):
            return True
        return step.path in self._before and self._before[step.path] == step.there


@contextlib.contextmanager
def looking(look: Callable[[Meanwhile], None], seconds: float) -> Iterator[None]:
    """Have a thread of its own look every so many seconds, until the block is left.

    A look that is going on then is not waited for.
    """
    meanwhile = Meanwhile()

    def look_on() -> None:
        while not meanwhile.ended.wait(seconds):
            look(meanwhile)

    threading.Thread(target=look_on, name="files", daemon=True).start()
    try:
        yield
    finally:
        meanwhile.ended.set()
