"""Bytes of files on their way to the Hub's storage: by links that were given, part by part."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from jupyter_remote_gpu.errors import UploadError

Show = Callable[[str, float], None]
"""Shows a text and which fraction of the work is done, below 1; the last text with 1."""

_PIECE_BYTES = 1 << 20
_TRIES = 4
_PAUSE_SECONDS = 0.5
_TIMEOUT_SECONDS = 60
_SHOWN_EVERY_SECONDS = 1.0
_PACE_SECONDS = 2.0
"""A rate that was seen for a shorter time says little."""


class LinkEndedError(Exception):
    """The link works no more."""


class Work:
    """How far a long piece of work is: `what` it is called, `total` bytes; shown now and then."""

    def __init__(
        self, what: str, total: int, show: Show, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._total = what, max(total, 1)
        self._show, self._clock = show, clock
        self._done = 0
        self._began = self._shown = clock()

    @property
    def text(self) -> str:
        """All of it, and how fast it went."""
        seconds = self._clock() - self._began
        pace = f" at {_size(self._done / seconds)}/s" if seconds >= _PACE_SECONDS else ""
        return f"{_size(self._total)}{pace}"

    def add(self, count: int) -> None:
        """Note that so many bytes more are done; fewer, if some have to be done again."""
        self._done += count
        now = self._clock()
        if now - self._shown >= _SHOWN_EVERY_SECONDS:
            self._shown = now
            seconds = now - self._began
            rate = self._done / seconds if seconds >= _PACE_SECONDS else 0.0
            left = (self._total - self._done) / rate if rate > 0 else 0.0
            pace = f", {_size(rate)}/s, {left:.0f} s left" if rate > 0 else ""
            text = f"{self._what}: {_size(self._done)} of {_size(self._total)}{pace}"
            self._show(text, min(self._done / self._total, 0.999))


def put(
    path: Path, begin: int, count: int, url: str, headers: Mapping[str, str], work: Work
) -> str:
    """Send a part of a file; return the storage's tag. Tried again where the network fails.

    Raises LinkEndedError where the storage wants another link, and UploadError.
    """
    for turn in range(_TRIES):
        sent = {**headers, "Content-Length": str(count), "Content-Type": "application/octet-stream"}
        gone: list[int] = []
        request = urllib.request.Request(
            url, data=_pieces(path, begin, count, work, gone), headers=sent, method="PUT"
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:
                return str(reply.headers.get("ETag", ""))
        except urllib.error.HTTPError as error:
            error.close()
            work.add(-sum(gone))
            if error.code < 500 and error.code not in (408, 429):
                raise LinkEndedError(f"it answered {error.code}") from None
            why = f"it answered {error.code}"
        except (OSError, http.client.HTTPException) as error:
            # What it says may hold the link, which is as good as a key: only its kind is told.
            work.add(-sum(gone))
            reason = getattr(error, "reason", error)
            why = f"the connection broke ({type(reason).__name__})"
        if turn < _TRIES - 1:
            time.sleep(_PAUSE_SECONDS * 2**turn)
    raise UploadError(
        f"The Hub's storage could not be reached to send {path.name}: {why}.",
        hint="Try again; files that arrived are not sent again. May this computer reach the"
        " internet? If not, pull the weights and publish them from a local cell.",
    )


def _pieces(path: Path, begin: int, count: int, work: Work, gone: list[int]) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(begin)
        while count > 0 and (piece := file.read(min(_PIECE_BYTES, count))):
            count -= len(piece)
            yield piece
            gone.append(len(piece))
            work.add(len(piece))


def _size(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            break
        count, unit = count / 1000, {"bytes": "KB", "KB": "MB", "MB": "GB", "GB": "TB"}[unit]
    return f"{count:.0f} {unit}" if count >= 100 or unit == "bytes" else f"{count:.1f} {unit}"
