"""What a source of datasets answers: a fixed version, its files, and links to their bytes."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from urllib.parse import urlsplit

from .addresses import without_secrets
from .reference import Digest, Kind, Reference, safe_name


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file that a source serves.

    `path` is relative to the dataset's folder, with slashes; it comes from
    outside and has been checked (`checked_path`). `bytes` is None where the
    source does not say. All `digests` given must hold of the bytes served.
    `unpack`: this is an archive; its members, not itself, belong in the folder
    that `path` lies in. Where `only` is given, it is the one member wanted.
    """

    path: str
    bytes: int | None = None
    digests: tuple[Digest, ...] = ()
    unpack: bool = False
    only: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A reference with its version fixed: the same key means the same bytes, on every machine.

    `version` is a number, a commit, or what a server says to tell versions
    apart (an entity tag). `open_to_all` says that no credential is needed.
    `page` is where a person reads about it.
    """

    reference: Reference
    version: str
    files: tuple[RemoteFile, ...]
    open_to_all: bool = True
    page: str = ""

    @property
    def text(self) -> str:
        """The address with its version, to show and to record; it holds no secret."""
        return self.reference.at(self.version).text if self._says_version else self.reference.text

    @property
    def unsaid_version(self) -> str:
        """The version, where `text` does not have it: tags and digests of the web, and such."""
        return "" if self._says_version else self.version.strip('"')

    @property
    def said(self) -> str:
        """The address and its version, for people; no address where servers have only tags."""
        return self.text + (f" (version {self.unsaid_version})" if self.unsaid_version else "")

    @property
    def key(self) -> str:
        """A name for the folder that holds these bytes; equal for equal content wanted.

        What the user calls them in a project makes no difference.
        """
        one = replace(self.reference, called="")
        digest = one.digest.hex if one.digest else ""
        wanted = [one.kind.value, without_secrets(one.place), self.version, one.path, digest]
        return f"{safe_name(one.name)[:40]}-{sha256(json.dumps(wanted).encode()).hexdigest()[:24]}"

    @property
    def bytes(self) -> int | None:
        """What has to be downloaded, or None if the source does not say of every file."""
        sizes = [file.bytes for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def lies_here(self) -> bool:
        """Whether the bytes are on this computer, so that there are no links to them."""
        return self.reference.kind is Kind.LOCAL

    @property
    def _says_version(self) -> bool:
        by_tag = (Kind.WEB, Kind.S3, Kind.GCS, Kind.AZURE, Kind.LOCAL, Kind.COMPETITION)
        return self.reference.kind not in by_tag


@dataclass(frozen=True, slots=True)
class Link:
    """How a machine gets one file's bytes: a GET of `url` with `headers`, ranges allowed.

    The whole link is as secret as the data (a signature lets anyone read them)
    until `expires_at` (seconds since the epoch; None: it does not end). It is
    never written to a disk. `needs_token`: a header carries a credential of
    the user's, because the source cannot sign; it must not outlive the
    process, nor follow a redirect to another origin.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires_at: float | None = None
    needs_token: bool = False

    @property
    def shown(self) -> str:
        """The link for people: scheme, host and path, without what signs it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


class Source(ABC):
    """One place that datasets come from. Used from any thread; every method may block on it.

    All raise the classes below `DatasetError`, and nothing else that concerns
    the source: no credentials, refused, rules, private, no such data, too many
    requests, source down.
    """

    @abstractmethod
    def resolve(self, reference: Reference) -> Resolved:
        """Return the version and files that the reference means now. Asks the source."""

    @abstractmethod
    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Return a fresh link to each of `files`, in their order.

        Called before a download, and again whenever a link has ended or was
        refused. May ask the source once a file; asks nothing where data are
        open to all and have lasting addresses.
        """
