"""What a server says of a file before it is fetched: size, digests, version, whether in parts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .reference import Digest
from .source import Link
from .web import Answer, Web

_TOTAL = re.compile(r"bytes\s+(?:\d+-\d+|\*)/(\d+)")
_FILENAME = re.compile(r"filename=\"?([^\";]+)\"?", re.IGNORECASE)
_EMPTY = 416
"""What a server answers to the first byte of a file that has none."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that can be had. `version` tells its contents from others', or is ""."""

    bytes: int | None
    digests: tuple[Digest, ...]
    version: str
    in_parts: bool
    file_name: str
    content_type: str


def probe(web: Web, link: Link) -> tuple[Answer, Probe]:
    """Ask for a link's first byte, and return the answer and what it says of the file.

    A HEAD would not do: an address that is signed is signed for GET. The answer
    may be one of refusal (`status`), which is the caller's to explain.
    """
    headers = {**link.headers, "Range": "bytes=0-0"}
    answer = web.follow("GET", link.url, headers=headers, body=False)
    return answer, _said(answer.status, answer.headers)


def version_of(headers: Mapping[str, str]) -> str:
    """Return what an answer says to tell a file's contents from others', or ""."""
    tag = headers.get("etag", "").removeprefix("W/").strip('"')
    return headers.get("x-goog-generation") or tag or headers.get("last-modified", "")


def _said(status: int, headers: Mapping[str, str]) -> Probe:
    total = _TOTAL.match(headers.get("content-range", ""))
    length = headers.get("content-length", "")
    size = int(total[1]) if total else None
    # What was packed for the way has another length than the file.
    if size is None and status == 200 and length.isdigit() and "content-encoding" not in headers:
        size = int(length)
    name = _FILENAME.search(headers.get("content-disposition", ""))
    return Probe(
        bytes=size,
        digests=_digests(headers),
        version=version_of(headers),
        in_parts=status in (206, _EMPTY),
        file_name=name[1] if name else "",
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
    )


def _digests(headers: Mapping[str, str]) -> tuple[Digest, ...]:
    """Return what Google's storage and others say that the whole file hashes to."""
    found: dict[str, str] = {}
    for one in headers.get("x-goog-hash", "").split(","):
        kind, _, value = one.strip().partition("=")
        if kind in ("md5", "crc32c"):
            found[kind] = value
    # Of a part, this would be the part's.
    if "content-range" not in headers and headers.get("content-md5"):
        found.setdefault("md5", headers["content-md5"])
    pairs = [(kind, _hex(value)) for kind, value in sorted(found.items())]
    return tuple(Digest(kind, value) for kind, value in pairs if value)


def _hex(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""
