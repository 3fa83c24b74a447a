"""While a run goes on for long: which of the files it writes may be brought back already."""

from __future__ import annotations

import re

from jupyter_remote_gpu.chunks.tree import Entry
from jupyter_remote_gpu.files.plan import Do, Step

_GROWS = re.compile(
    rb"(\.(log|txt|csv|tsv|jsonl|ndjson|out|err)|(^|/)events\.out\.tfevents\.[^/]*)$", re.IGNORECASE
)


class Meanwhile:
    """Remembers what a run's files were at the last look.

    A file that is as it was then has been written whole, as far as one can tell.
    Of logs every state is worth having: they only grow.
    """

    def __init__(self) -> None:
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
