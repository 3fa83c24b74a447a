"""Bytes of files on their way to the Hub's storage: by links that were given, part by part."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from jupyter_remote_gpu.errors import UploadError
from jupyter_remote_gpu.protocol.work import Work

_PIECE_BYTES = 1 << 20
_TRIES = 4
_PAUSE_SECONDS = 0.5
_TIMEOUT_SECONDS = 60


class LinkEndedError(Exception):
    """The link works no more."""


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
