"""A file on any web server as a source: its address is the link."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from jupyter_remote_gpu.errors import (
    CredentialsRefusedError,
    DatasetError,
    NoSuchDataError,
    PrivateDataError,
    RateLimitedError,
    SourceDownError,
)

from .addresses import expires_at
from .paths import checked_path
from .probing import Probe, probe
from .reference import Reference, is_archive, safe_name
from .source import Link, RemoteFile, Resolved, Source
from .web import Answer, Web

_PAGES = ("text/html", "application/xhtml+xml")
_PAGE_ENDINGS = (".html", ".htm", ".xhtml", ".php")


class WebSource(Source):
    """One file or archive at an https address. What signs an address goes with it, unshown."""

    def __init__(self, web: Web | None = None) -> None:
        self._web = web or Web("the server")

    def resolve(self, reference: Reference) -> Resolved:
        """Ask for the first byte: is it there, how large, and what tells its contents apart."""
        link = _link(reference)
        answer, said = probe(self._web, link)
        if answer.status >= 400 and answer.status != 416:
            raise _refused(reference, answer, link)
        name = _file_name(answer, said, reference)
        if said.content_type in _PAGES and not name.lower().endswith(_PAGE_ENDINGS):
            raise NoSuchDataError(
                f"{reference.text} is a page to read, not a file.",
                hint="Copy the address of the download itself: the link or button on that page.",
            )
        digests = (*said.digests, *([reference.digest] if reference.digest else []))
        file = RemoteFile(checked_path(name), said.bytes, digests, unpack=is_archive(name))
        return Resolved(reference, _version(reference, said), (file,), not link.needs_token)

    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Return the address itself; asks nobody."""
        return [_link(resolved.reference)] * len(files)


def _link(reference: Reference) -> Link:
    """Return the address, with a password in it turned into the header it stands for."""
    parts = urlsplit(reference.place)
    ends = expires_at(reference.place)
    if "@" not in parts.netloc:
        return Link(reference.place, expires_at=ends)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    both = base64.b64encode(f"{user}:{password}".encode()).decode()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Link(bare, {"Authorization": f"Basic {both}"}, ends, needs_token=True)


def _file_name(answer: Answer, said: Probe, reference: Reference) -> str:
    """Return a name for the file: what the server says, else what the addresses end in."""
    ends = (
        PurePosixPath(unquote(urlsplit(url).path)).name for url in (reference.place, answer.url)
    )
    names = (said.file_name, *ends)
    chosen = next((name for name in names if name and is_archive(name)), None)
    return safe_name(chosen or next((name for name in names if name), "data"))


def _version(reference: Reference, said: Probe) -> str:
    """Return what tells these bytes from those of another day."""
    if reference.digest:
        return reference.digest.hex
    size = f", {said.bytes} bytes" if said.bytes is not None else ""
    return said.version or datetime.now(timezone.utc).strftime("as of %Y-%m-%d") + size


def _refused(reference: Reference, answer: Answer, link: Link) -> DatasetError:
    address, status = reference.text, answer.status
    if status in (404, 410):
        return NoSuchDataError(f"There is nothing at {address}.", hint="Is the address right?")
    if status == 401 and link.needs_token:
        return CredentialsRefusedError(
            f"The server does not accept the user and password in the address of {address}.",
            hint="Give the address with the right ones.",
        )
    if status in (401, 403):
        ended = (
            "It was signed for a while: copy it anew from where you found it."
            if link.expires_at is not None
            else "Is it open to all? A login of your browser does not count here."
        )
        return PrivateDataError(f"The server does not give {address} to us.", hint=ended)
    if status == 429:
        return RateLimitedError(
            f"The server of {address} wants fewer requests.",
            retry_after=answer.retry_after,
            hint="Try again later.",
        )
    return SourceDownError(
        f"The server of {address} is in trouble: it answered {status}.",
        hint="Try again in a few minutes.",
    )
