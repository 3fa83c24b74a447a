"""Datasets and models of the Hugging Face Hub as a source: lasting or signed links."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

from jupyter_remote_gpu.errors import NoSuchDataError, SourceDownError

from .addresses import expires_at
from .hub_calls import HubCalls
from .paths import checked_path
from .reference import Digest, Reference
from .source import Link, RemoteFile, Resolved, Source
from .web import Answer

_AT_ONCE = 8
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_PATTERN = re.compile(r"[*?\[]")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class HubSource(Source):
    """What the Hub keeps.

    Data that are open to all have lasting addresses and cost no request a
    file. Of others the Hub signs links to large files; small ones, which lie in
    the repository itself, it gives only for the token (`Link.needs_token`).
    """

    def __init__(self, calls: HubCalls | None = None) -> None:
        self._calls = calls or HubCalls()

    def resolve(self, reference: Reference) -> Resolved:
        """Ask for the commit that is meant, and for its files. A path may hold `*` and `?`."""
        said = self._calls.info(reference)
        commit = said.get("sha")
        if not isinstance(commit, str) or not _COMMIT.match(commit):
            raise SourceDownError(
                f"The Hub does not say which commit of {reference.text} is meant."
            )
        fixed = reference.at(commit)
        files = self._files(fixed)
        if not files:
            raise NoSuchDataError(
                f"There is no file in {reference.text}.", hint=f"Look at {self._page(reference)}."
            )
        if said.get("gated"):
            # The listing of such data is open to all; whether we get them, only a file says.
            self._calls.head(fixed, files[0].path)
        closed = bool(said.get("private") or said.get("gated"))
        return Resolved(reference, commit, tuple(files), not closed, self._page(reference))

    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Return the files' own addresses, or ask for signed ones where data are not for all."""
        fixed = resolved.reference.at(resolved.version)
        if resolved.open_to_all:
            return [Link(self._calls.address(fixed, file.path)) for file in files]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda file: self._link(fixed, file.path), files))

    def _link(self, fixed: Reference, path: str) -> Link:
        answer = self._calls.head(fixed, path)
        to = answer.location
        if to is not None:
            return Link(to, expires_at=expires_at(to))
        who = self._calls.credential()
        return Link(answer.url, who.header if who else {}, needs_token=who is not None)

    def _files(self, fixed: Reference) -> list[RemoteFile]:
        if _PATTERN.search(fixed.path):
            folder = _PATTERN.split(fixed.path)[0].rpartition("/")[0]
            rows = self._listed(fixed, folder)
            return [file for file in rows if fnmatchcase(file.path, fixed.path)]
        if not fixed.path:
            return self._listed(fixed, "")
        try:
            return [_of_head(fixed.path, self._calls.head(fixed, fixed.path))]
        except NoSuchDataError:
            return self._listed(fixed, fixed.path)

    def _listed(self, fixed: Reference, folder: str) -> list[RemoteFile]:
        rows = self._calls.tree(fixed, folder)
        return [_of_row(row) for row in rows if row.get("type") == "file"]

    def _page(self, about: Reference) -> str:
        return self._calls.page(about)


def _of_row(row: Mapping[str, object]) -> RemoteFile:
    """Return a file of a listing. What lies in large storage has a SHA-256, the rest Git's name."""
    path = checked_path(str(row.get("path")))
    large = row.get("lfs")
    size, digest = row.get("size"), Digest("git-blob", str(row.get("oid")))
    if isinstance(large, dict):
        size, digest = large.get("size", size), Digest("sha256", str(large.get("oid")))
    return RemoteFile(path, size if isinstance(size, int) else None, (digest,))


def _of_head(path: str, answer: Answer) -> RemoteFile:
    headers = answer.headers
    tag = (headers.get("x-linked-etag") or headers.get("etag", "")).strip('"')
    plain = "" if answer.location else headers.get("content-length", "")
    size = headers.get("x-linked-size") or plain
    digests: tuple[Digest, ...] = ()
    if _SHA256.match(tag):
        digests = (Digest("sha256", tag),)
    elif _COMMIT.match(tag):
        digests = (Digest("git-blob", tag),)
    return RemoteFile(path, int(size) if size.isdigit() else None, digests)
