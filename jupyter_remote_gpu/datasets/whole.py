"""A whole file brought to this computer: said before if it is large, resumed, and checked."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows: there two processes may not fetch one file at once
    fcntl = None  # type: ignore[assignment]

from jupyter_remote_gpu.errors import CorruptDataError, DatasetError, DiskFullError, SourceDownError

from .addresses import redacted
from .probing import version_of
from .source import Link, RemoteFile
from .web import Answer, Web, origin

LARGE_BYTES = 50_000_000
"""From here on a line says what is about to come to this computer."""
_TRIES = 6
_PAUSE_SECONDS = 1.0
_ENDED = (400, 401, 403, 410)
_THERE = (200, 206, 416)
"""What a server answers to the first byte of a file that it has; 416 where that is empty."""
_SPARE_BYTES = 200_000_000
_CHECKED = ("git-blob", "md5", "sha256")
"""Digests that are computed here; crc32c takes minutes in Python."""

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
    of another day, goes on from there if that is the same version. Another process
    that fetches it is waited for. Raises the classes below `DatasetError` and
    DiskFullError.
    """
    require_room(to.parent, file.bytes or 0, file.path)
    part = to.with_name(f"{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    wrong: DatasetError | None = None
    with _alone(part, pause) as waited:
        if waited and to.exists():
            part.unlink()
            return
        for turn in range(_TRIES):
            if turn:
                pause(_PAUSE_SECONDS * turn)
            with part.open("ab") as out:
                try:
                    _append(web, fresh(), file, out, came)
                except SourceDownError as error:
                    wrong = error
                    continue
            reason = _difference(part, file)
            if reason is None:
                os.replace(part, to)
                _note_of(part).unlink(missing_ok=True)
                return
            # It is not what the source promised: another try begins anew.
            os.truncate(part, 0)
            wrong = CorruptDataError(
                f"{file.path} came damaged: {reason}.", hint="Try again; nothing of it was kept."
            )
        if not part.stat().st_size:
            part.unlink()
            _note_of(part).unlink(missing_ok=True)
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


@contextmanager
def _alone(part: Path, pause: Callable[[float], None]) -> Iterator[bool]:
    """Have no other process write what came of a file; say whether one was waited for."""
    waited = False
    while fcntl is not None:
        with part.open("ab") as held:
            if _locked(held):
                # Who held it before may have given the file its name, or deleted it.
                if part.exists() and os.path.samestat(os.fstat(held.fileno()), part.stat()):
                    yield waited
                    return
                continue
        waited = True
        pause(_PAUSE_SECONDS)
    yield False


def _locked(held: BinaryIO) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _note_of(part: Path) -> Path:
    """Return where it is noted of which version the bytes in a `.part` are."""
    return part.with_name(f"{part.name}-of")


def _append(
    web: Web, link: Link, file: RemoteFile, out: BinaryIO, came: Callable[[int], None]
) -> None:
    """Append to a file what is missing at its end; from its beginning if versions differ."""
    have = out.tell()
    headers = dict(link.headers)
    last = web.follow("GET", link.url, headers={**headers, "Range": "bytes=0-0"}, body=False)
    if origin(last.url) != origin(link.url):
        headers = {}
    note, version = _note_of(Path(out.name)), version_of(last.headers)
    # A digest finds a mixture of two versions; without one they must not meet.
    told = any(digest.kind in _CHECKED for digest in file.digests)
    if have and last.status in _THERE and not told and (not version or version != _text(note)):
        out.truncate(0)
        have = 0
    if have:
        headers["Range"] = f"bytes={have}-"
    with web.streamed(last.url, headers) as (answer, pieces):
        if have and answer.status == 416:
            return  # it is all here
        _require_continuation(answer, have, link)
        now = version_of(answer.headers)
        if answer.status == 200:
            out.truncate(0)
            note.write_text(now, encoding="utf-8")
        elif not told and now not in ("", version):
            raise SourceDownError(f"{file.path} has been replaced at its source.")
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


def _text(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _difference(path: Path, file: RemoteFile) -> str | None:
    """Return in which way the bytes differ from what was promised; None if in none."""
    have = path.stat().st_size
    if file.bytes is not None and have != file.bytes:
        return f"it has {have:,} bytes in place of {file.bytes:,}"
    for digest in file.digests:
        if digest.kind == "git-blob":
            found = hashlib.sha1(b"blob %d\0" % have, usedforsecurity=False)
        elif digest.kind in _CHECKED:
            found = hashlib.new(digest.kind, usedforsecurity=False)
        else:
            continue  # sizes agree, and archives check themselves
        for piece in _pieces(path):
            found.update(piece)
        if found.hexdigest() != digest.hex:
            return f"its {digest.kind} is not what the source says"
    return None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as data:
        while piece := data.read(1 << 20):
            yield piece
