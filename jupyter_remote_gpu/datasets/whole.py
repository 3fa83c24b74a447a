"""A whole file brought to this computer: said before if it is large, resumed, and checked."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from jupyter_remote_gpu.errors import CorruptDataError, DatasetError, DiskFullError, SourceDownError

from .addresses import redacted
from .source import Link, RemoteFile
from .web import Answer, Web, origin

LARGE_BYTES = 50_000_000
"""From here on a line says what is about to come to this computer."""
_TRIES = 6
_PAUSE_SECONDS = 1.0
_ENDED = (400, 401, 403, 410)
_SPARE_BYTES = 200_000_000

Say = Callable[[str], None]


def fetch(
    web: Web,
    fresh: Callable[[], Link],
    file: RemoteFile,
    to: Path,
    pause: Callable[[float], None] = time.sleep,
    came: Callable[[int], None] = lambda count: None,
) -> None:
    """Have the file's bytes at `to`, whole and checked, or not at all; `came` counts them.

    What came before a break stays beside it as `.part`; the next try, also one
    of another day, goes on from there. Raises the classes below `DatasetError`
    and DiskFullError.
    """
    require_room(to.parent, file.bytes or 0, file.path)
    part = to.with_name(f"{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    wrong: DatasetError | None = None
    for turn in range(_TRIES):
        if turn:
            pause(_PAUSE_SECONDS * turn)
        with part.open("ab") as out:
            try:
                _append(web, fresh(), out, came)
            except SourceDownError as error:
                wrong = error
                continue
        reason = _difference(part, file)
        if reason is None:
            os.replace(part, to)
            return
        # It is not what the source promised: another try begins anew.
        part.unlink()
        wrong = CorruptDataError(
            f"{file.path} came damaged: {reason}.", hint="Try again; nothing of it was kept."
        )
    raise wrong or SourceDownError(f"{file.path} could not be fetched.")


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise DiskFullError, with both numbers, if so many bytes do not fit here."""
    exists = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(exists).free
    if needed and free < needed + _SPARE_BYTES:
        raise DiskFullError(
            f"{what} needs {size(needed)} on this computer, and {size(free)} are free.",
            hint="Run the cell on the machine (%%remote_gpu), or read only parts:"
            " dataset(…).open(…).",
        )


def size(count: int) -> str:
    """Return a number of bytes as people read it: `1.0 MB`, `105 MB`."""
    value, unit = float(count), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if round(value, 1) < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 99.95 or unit == "bytes" else f"{value:.1f} {unit}"


def _append(web: Web, link: Link, out: BinaryIO, came: Callable[[int], None]) -> None:
    """Append to a file what is missing at its end."""
    have = out.tell()
    headers = dict(link.headers)
    if have:
        headers["Range"] = f"bytes={have}-"
    last = web.follow("GET", link.url, headers={**headers, "Range": "bytes=0-0"}, body=False)
    if origin(last.url) != origin(link.url):
        headers = {name: text for name, text in headers.items() if name == "Range"}
    with web.streamed(last.url, headers) as (answer, pieces):
        if have and answer.status == 416:
            return  # it is all here
        _require_continuation(answer, have, link)
        if have and answer.status == 200:
            out.truncate(0)
        for piece in pieces:
            out.write(piece)
            came(len(piece))


def _require_continuation(answer: Answer, have: int, link: Link) -> None:
    """Raise unless the answer is the rest of the file, or all of it."""
    if answer.status == 200:
        return
    begin = answer.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    if answer.status == 206 and begin == str(have):
        return
    ended = " The link has ended." if answer.status in _ENDED else ""
    raise SourceDownError(
        f"The source answered {answer.status} when asked for {redacted(link.shown)}.{ended}",
        hint="Try again in a few minutes; what has come is kept.",
    )


def _difference(path: Path, file: RemoteFile) -> str | None:
    """Return in which way the bytes differ from what was promised; None if in none."""
    have = path.stat().st_size
    if file.bytes is not None and have != file.bytes:
        return f"it has {have:,} bytes in place of {file.bytes:,}"
    for digest in file.digests:
        if digest.kind == "git-blob":
            found = hashlib.sha1(b"blob %d\0" % have, usedforsecurity=False)
        elif digest.kind in ("md5", "sha256"):
            found = hashlib.new(digest.kind, usedforsecurity=False)
        else:
            continue  # crc32c takes minutes in Python; sizes agree, and archives check themselves
        for piece in _pieces(path):
            found.update(piece)
        if found.hexdigest() != digest.hex:
            return f"its {digest.kind} is not what the source says"
    return None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as data:
        while piece := data.read(1 << 20):
            yield piece
