"""What the process that fetches is told to do, and what it says: values, and lines of JSON.

A line each, on its standard input and output:

| to it | |
|---|---|
| a `Job` | first of all |
| `{"links": {INDEX: link}}` | how to get some of the job's files; never on a disk |
| `{"refused": {kind, message, hint}}` | there will be no links, and why |

| from it | |
|---|---|
| `{"step": {what, done, total}}` | how far it is |
| `{"wanted": [INDEX…], "why": text}` | links that are missing, ended or were refused |
| `{"record": {…}}` | the dataset is there; its last line |
| `{"failed": {kind, message, hint}}` | it is not; its last line |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

from .names import inside

PATIENCE_SECONDS = 120.0
"""How long nothing may arrive before a download is given up, its bytes kept."""
LINKS_SECONDS = 900.0
"""How long a new link is waited for, as the client may be away."""
WORKERS = 8
MOST_FILES = 2_000_000
_DIGESTS = ("md5", "sha256", "crc32c", "git-blob")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file of a job.

    `bytes` is None where the source does not say. `digests` are {kind: hex} of the
    bytes served. `unpack`: it is an archive whose members are wanted in the
    folder that `path` lies in, or one of them, `only`. `carried` is where the
    client has brought it, below the agent's folder.
    """

    path: str
    bytes: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    unpack: bool = False
    only: str = ""
    carried: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A dataset to fetch: `text` is its address with version, to show and record."""

    base: Path
    key: str
    text: str
    name: str
    files: tuple[Wanted, ...]
    workers: int = WORKERS
    patience: float = PATIENCE_SECONDS
    links_seconds: float = LINKS_SECONDS

    def line(self) -> bytes:
        """Return the job as the line that the process reads first."""
        fields = {name: getattr(self, name) for name in _PLAIN}
        files = [{name: getattr(file, name) for name in _OF_FILES} for file in self.files]
        return json.dumps({**fields, "base": str(self.base), "files": files}).encode() + b"\n"


_PLAIN = ("key", "text", "name", "workers", "patience", "links_seconds")
_OF_FILES = ("path", "bytes", "digests", "unpack", "only", "carried")


def job_of(line: bytes) -> Job:
    """Return the job in a line that `Job.line` made."""
    found = json.loads(line)
    files = tuple(Wanted(**one) for one in found.pop("files"))
    return Job(base=Path(found.pop("base")), files=files, **found)


def wanted_of(found: Any) -> tuple[Wanted, ...]:
    """Return the files that a client asks for, checked; ProtocolError, UnsafePathError."""
    if not isinstance(found, list) or not 0 < len(found) <= MOST_FILES:
        raise ProtocolError("a dataset is asked for without a list of its files")
    files = tuple(_wanted(one) for one in found)
    if len({file.path for file in files}) != len(files):
        raise ProtocolError("a dataset is asked for that has two files of one name")
    return files


def _wanted(one: Any) -> Wanted:
    if not isinstance(one, dict) or not set(one) <= set(_OF_FILES):
        raise ProtocolError("a file of a dataset is not described as such files are")
    file = Wanted(**{"path": "", **one})
    size = file.bytes is None or (type(file.bytes) is int and 0 <= file.bytes < 1 << 60)
    texts = all(isinstance(text, str) for text in (file.path, file.only, file.carried))
    digests = isinstance(file.digests, dict) and all(
        kind in _DIGESTS and isinstance(value, str) for kind, value in file.digests.items()
    )
    if not (size and texts and digests and isinstance(file.unpack, bool)):
        raise ProtocolError("a file of a dataset is not described as such files are")
    inside(file.path)
    if file.carried:
        inside(file.carried)
    return file


@dataclass(frozen=True, slots=True)
class Link:
    """How to get a file: a GET with headers; secret, and good until `expires_at` if it says so."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires_at: float | None = None


def link_of(found: Any) -> Link:
    """Return a link as a client sends it; ProtocolError, which repeats nothing of it."""
    if isinstance(found, dict) and set(found) <= {"url", "headers", "expires_at"}:
        link = Link(**{"url": "", **found})
        ends = link.expires_at is None or isinstance(link.expires_at, (int, float))
        headers = isinstance(link.headers, dict) and all(
            isinstance(part, str) for pair in link.headers.items() for part in pair
        )
        address = isinstance(link.url, str) and link.url.startswith(("https://", "http://"))
        if address and ends and headers:
            return link
    raise ProtocolError("a link to a file of a dataset is not what a link looks like")
