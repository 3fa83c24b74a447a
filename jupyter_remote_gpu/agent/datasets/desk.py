"""Where the threads of a download get their links: asked for once each, waited for, renewed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

from jupyter_remote_gpu.errors import LinkEndedError, RemoteGPUError

from .job import Link

SOON_SECONDS = 20.0
"""A link that ends sooner is not used any more."""
AHEAD = 100
"""So many files' links are asked for at once."""
_LOOK_SECONDS = 0.5


class LinkDesk:
    """The links of a job's files, by index. `ask` tells the client which are wanted, and why."""

    def __init__(
        self, ask: Callable[[Sequence[int], str], None], count: int, seconds: float
    ) -> None:
        self._ask = ask
        self._count = count
        self._seconds = seconds
        self._links: dict[int, Link] = {}
        self._asked: set[int] = set()
        self._done: set[int] = set()
        self._refusal: RemoteGPUError | None = None
        self._changed = threading.Condition()

    def give(self, links: dict[int, Link]) -> None:
        """Take links that the client sent."""
        with self._changed:
            self._links.update(links)
            self._asked.difference_update(links)
            self._changed.notify_all()

    def refuse(self, error: RemoteGPUError) -> None:
        """Let all who wait, and who will, fail with what the client failed with."""
        with self._changed:
            self._refusal = error
            self._changed.notify_all()

    def finished(self, index: int) -> None:
        """Forget a file's link: it is not needed any more."""
        with self._changed:
            self._done.add(index)
            self._links.pop(index, None)

    def take(self, index: int) -> Link:
        """Return a file's link, good for a while; blocks until there is one.

        Raises LinkEndedError if the client does not send one in time, or what it
        failed with.
        """
        deadline = time.monotonic() + self._seconds
        with self._changed:
            while True:
                if self._refusal is not None:
                    raise self._refusal
                link = self._links.get(index)
                if link is not None and _lasts(link):
                    return link
                why = "" if link is None else "the link has ended"
                self._want(index, why)
                if time.monotonic() > deadline:
                    raise LinkEndedError(
                        "the download waits for a new link, which only your computer can sign,"
                        " and it has not sent one",
                        hint="What was fetched is kept: ask for the data again, and it goes on.",
                    )
                if index in self._asked:
                    self._changed.wait(_LOOK_SECONDS)

    def renew(self, index: int, refused: Link, why: str) -> Link:
        """Return another link than the one that a server refused; as `take`."""
        with self._changed:
            if self._links.get(index) is refused:
                del self._links[index]
                self._asked.discard(index)
                self._want(index, why)
        return self.take(index)

    def _want(self, index: int, why: str) -> None:
        if index in self._asked:
            return
        wanted = [index, *self._following(index, self._links)]
        self._asked.update(wanted)
        self._ask(wanted, why)

    def _following(self, index: int, have: Collection[int]) -> list[int]:
        """Return files behind one that will want a link soon."""
        near = range(index + 1, min(index + AHEAD, self._count))
        return [n for n in near if n not in have and n not in self._done and n not in self._asked]


def _lasts(link: Link) -> bool:
    return link.expires_at is None or link.expires_at > time.time() + SOON_SECONDS
