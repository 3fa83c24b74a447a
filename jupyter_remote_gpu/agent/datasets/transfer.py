"""One file from a server into a `Part`: several ranges at once, again after every break.

Only bytes that a server says belong to this version of the file, at this
place, are written: an error page, another version or a server that ignores
ranges never ends up in the middle of a file.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from jupyter_remote_gpu.errors import (
    LinkEndedError,
    RateLimitedError,
    SourceDownError,
)

from . import room
from .desk import LinkDesk
from .part import SEGMENT_BYTES, Part, Version
from .web import Answer, Web, WebError, Webs

PIECE_BYTES = 1 << 20
LONGEST_SPAN_BYTES = 256 << 20
FIRST_BYTES = 1 << 20
"""As much of a large file comes over one connection before it is known whether several may."""
MOST_RENEWALS = 3
"""So many links in a row may be refused before a byte arrives."""
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.3, 20.0
_LONGEST_REST_SECONDS = 330.0
"""The Hub counts requests in windows of five minutes: so long a rest is no trouble."""
_LINK_OVER = (400, 401, 403, 404, 410)
_BUSY = (408, 425, 429)


class Stopped(Exception):
    """Somebody wants the download to end; what arrived is kept."""


class Replaced(Exception):
    """The source has another version of the file now: it is to be fetched from its beginning."""


@dataclass(slots=True)
class Watch:
    """What a job's threads share: whether to stop, and who hears how much has arrived."""

    arrived: Callable[[int], None]
    patience: float
    stop: threading.Event = field(default_factory=threading.Event)
    webs: Webs = field(default_factory=Webs)
    failed: bool = False

    @property
    def over(self) -> bool:
        """Whether there is no use in going on: stopped, or another file has failed."""
        return self.failed or self.stop.is_set()


class Transfer:
    """Fetches one file: index `index` of the job, called `name`. Blocks; used once."""

    def __init__(
        self, part: Part, desk: LinkDesk, index: int, name: str, watch: Watch, workers: int
    ) -> None:
        self._part = part
        self._desk = desk
        self._index = index
        self._name = name
        self._watch = watch
        self._workers = workers
        self._lock = threading.Lock()
        self._taken: dict[int, int] = {}
        self._failure: BaseException | None = None
        self._heard = time.monotonic()
        self._renewals = 0
        self._start = 0
        self._ranged = True

    def begin(self, expected: int | None) -> None:
        """Learn the file's version, and fetch its beginning, unless that was done before.

        A file whose length the server does not say is fetched whole. Raises as
        `fetch`; SourceDownError too if the file is not as long as `expected`.
        """
        if self._part.version is not None:
            return

        web = self._watch.webs.of_thread()

        def once() -> bool:
            if self._part.version is not None:
                return True  # it broke behind the first byte: `fetch` goes on
            first = SEGMENT_BYTES if self._workers == 1 else min(FIRST_BYTES, SEGMENT_BYTES)
            answer = self._asked(web, 0, first)
            if answer is None:
                return False
            version = answer.version
            if version is None:
                self._unmeasured(answer)
                return True
            self._require_length(version, expected)
            if answer.start:
                raise WebError("the server answered with another part of the file than asked for")
            self._part.begin(version)
            self._ranged = answer.status == 206
            self._take(web, answer, 0, answer.end or version.bytes)
            return True

        if expected == 0:
            self._part.begin(Version(0))
            return
        self._persist(once)
        try:
            self._require_length(self._part.version, expected)
        except SourceDownError:
            self._part.reset()  # only all of it, or none, told its length
            raise

    def _require_length(self, version: Version | None, expected: int | None) -> None:
        if version is not None and expected is not None and version.bytes != expected:
            raise SourceDownError(
                f"{self._name} was to have {expected:,} bytes, and the server has"
                f" {version.bytes:,}",
                hint="It changed just now, or the source is in trouble: ask again.",
            )

    def fetch(self, start: int = 0) -> None:
        """Fetch what is missing from `start` on, after `begin`.

        Raises SourceDownError, RateLimitedError, LinkEndedError, DiskFullError,
        `Replaced`, `Stopped`: what arrived is kept, whichever it is.
        """
        self._start = start
        self._heard = time.monotonic()
        wanted = [span for span in self._part.missing() if span[1] > start]
        count = min(self._workers, len(wanted)) if self._ranged else 1
        if count <= 1:
            self._work()
        else:
            threads = [threading.Thread(target=self._work, name=f"range {n}") for n in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    # -- one thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            web = self._watch.webs.of_thread()
            while self._failure is None and (span := self._next()) is not None:
                self._span(web, *span)
                with self._lock:
                    self._taken.pop(span[0] // SEGMENT_BYTES, None)
        except BaseException as error:
            self._failure = self._failure or error

    def _next(self) -> tuple[int, int] | None:
        """Take a run of missing bytes that no other thread has: long ones first, then short."""
        with self._lock:
            free = [
                (start, end)
                for start, end in self._part.missing()
                if end > self._start and not self._is_taken(start // SEGMENT_BYTES)
            ]
            if not free:
                return None
            left = sum(end - start for start, end in free)
            longest = min(LONGEST_SPAN_BYTES, max(SEGMENT_BYTES, left // (4 * self._workers)))
            if not self._ranged or self._workers == 1:
                longest = left
            start, end = free[0]
            for next_start, next_end in free[1:]:
                if next_start != end or next_end - start > longest:
                    break
                end = next_end
            self._taken[start // SEGMENT_BYTES] = (end - 1) // SEGMENT_BYTES
            return start, end

    def _is_taken(self, segment: int) -> bool:
        return any(first <= segment <= last for first, last in self._taken.items())

    def _span(self, web: Web, start: int, end: int) -> None:
        """Fetch one run of bytes, as often as it takes."""

        def once() -> bool:
            at = self._part.contiguous(start)
            if at >= end:
                return True
            answer = self._asked(web, at, end)
            if answer is None:
                return False
            if answer.version != self._part.version:
                raise Replaced
            if answer.status == 200:
                self._ranged = False
                self._skip(answer, at)
            elif answer.start != at:
                raise WebError("the server answered with another part of the file than asked for")
            self._take(web, answer, at, end)
            return self._part.contiguous(start) >= end

        self._persist(once)

    def _skip(self, answer: Answer, count: int) -> None:
        """Read and drop the beginning: this server cannot send parts."""
        buffer = memoryview(bytearray(PIECE_BYTES))
        while count:
            got = answer.read_into(buffer[: min(count, PIECE_BYTES)])
            self._hear(got)
            count -= got

    def _take(self, web: Web, answer: Answer, at: int, end: int) -> None:
        """Write a body where it belongs, up to `end` of the file."""
        stop = min(end, answer.end or end)
        buffer = memoryview(bytearray(min(PIECE_BYTES, max(0, stop - at))))
        while at < stop:
            got = answer.read_into(buffer[: min(PIECE_BYTES, stop - at)])
            self._hear(got)
            self._write(at, buffer[:got])
            at += got
        if answer.end != stop:
            web.drop()

    def _hear(self, got: int) -> None:
        if not got:
            raise WebError("the connection ended before the file did")
        if self._watch.over or self._failure is not None:
            raise Stopped
        self._heard, self._renewals = time.monotonic(), 0

    def _write(self, at: int, data: memoryview) -> None:
        try:
            self._part.write(at, data)
        except OSError as error:
            if error.errno in room.FULL:
                version = self._part.version
                left = 0 if version is None else version.bytes - self._part.there
                raise room.full(self._part.path.parent, self._name, left) from None
            raise
        self._watch.arrived(len(data))

    def _unmeasured(self, answer: Answer) -> None:
        """Take a body whose length nobody knows: whole, or not at all."""
        if answer.start:
            raise WebError("the server answered with a part of the file that was not asked for")
        pieces = bytearray(PIECE_BYTES)
        buffer, at = memoryview(pieces), 0
        path = self._part.path.with_name(f"{self._part.path.name}.unmeasured")
        with open(path, "wb+") as file:
            while got := answer.read_into(buffer):
                self._hear(got)
                file.write(buffer[:got])
                self._watch.arrived(got)
                at += got
            file.seek(0)
            self._part.begin(Version(at))
            done = 0
            while data := file.read(PIECE_BYTES):
                self._write(done, memoryview(data))
                done += len(data)
        path.unlink()

    # -- again and again ------------------------------------------------------------------------

    def _persist(self, once: Callable[[], bool]) -> None:
        """Do something until it is done, waiting between; raises when nothing arrives for long."""
        wait, last = _FIRST_WAIT_SECONDS, ""
        while True:
            before = self._heard
            try:
                if once():
                    return
            except WebError as error:
                self._watch.webs.of_thread().drop()
                last = str(error)
            if self._heard != before:
                wait = _FIRST_WAIT_SECONDS
            if time.monotonic() - self._heard > self._watch.patience:
                raise SourceDownError(
                    f"{self._name} could not be fetched: {last or 'the server is in trouble'}",
                    hint="What was fetched is kept: ask for the data again, and it goes on.",
                )
            if self._watch.stop.wait(wait * random.uniform(0.7, 1.3)):
                raise Stopped
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _asked(self, web: Web, start: int, end: int | None) -> Answer | None:
        """Return an answer that holds the file's bytes; None after one that says to try again."""
        asked = time.monotonic()
        link = self._desk.take(self._index)
        if time.monotonic() > asked + 1:
            self._heard = time.monotonic()  # the source was not to blame
        answer = web.get(link, start, end, self._part.version)
        if answer.status in (200, 206):
            if answer.encoded:
                raise SourceDownError(
                    f"the server sends {self._name} encoded as {answer.encoded}, though it was"
                    " asked not to",
                    hint="Is there another address of it?",
                )
            return answer
        words = answer.words()
        web.drop()
        if answer.status in _LINK_OVER:
            with self._lock:
                self._renewals += 1
                if self._renewals > MOST_RENEWALS * self._workers:
                    raise LinkEndedError(
                        f"the server does not accept any link to {self._name}: it answers"
                        f" {answer.status} {_plain(words)}",
                        hint="What was fetched is kept: ask for the data again, and it goes on.",
                    )
            self._desk.renew(self._index, link, f"the server answered {answer.status}")
            return None
        if answer.status == 416:
            if not start:
                self._part.begin(Version(0))  # of an empty file no part can be had
                return None
            raise Replaced  # it is shorter than what we have of it
        if answer.status in _BUSY:
            self._rest(answer)
            return None
        if answer.status >= 500:
            raise WebError(f"the server answers {answer.status} {_plain(words)}".rstrip())
        raise SourceDownError(
            f"{self._name} could not be fetched: the server answers {answer.status}"
            f" {_plain(words)}".rstrip()
        )

    def _rest(self, answer: Answer) -> None:
        """Wait as long as a server asks for, if that is not too long."""
        asked = answer.retry_after if answer.retry_after is not None else 0.0
        if asked > max(self._watch.patience, _LONGEST_REST_SECONDS):
            raise RateLimitedError(
                f"the server of {self._name} wants no requests for {asked:.0f} s",
                retry_after=asked,
                hint="What was fetched is kept: ask for the data again after that time.",
            )
        if self._watch.stop.wait(asked):
            raise Stopped
        self._heard += asked  # what it asked for costs none of our patience


def _plain(words: str) -> str:
    """Return a line of what a server said, without what could be a signed address."""
    kept = [word for word in words.split() if "://" not in word and "X-Goog" not in word]
    return " ".join(kept)[:200]
