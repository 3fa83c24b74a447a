"""A dataset's address as a value: where it is kept, under which name, and what of it is wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePosixPath

from .addresses import without_secrets

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME = 100
_ARCHIVES = (
    ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz", ".tbz2", ".txz", ".tar", ".zip",
)  # fmt: skip


class Kind(Enum):
    """Where a dataset is kept; the value is how its canonical address begins."""

    KAGGLE = "kaggle://"
    COMPETITION = "kaggle-competition://"
    KAGGLE_MODEL = "kaggle-model://"
    HUB_DATASET = "hf://datasets/"
    HUB_MODEL = "hf://"
    WEB = "https://"
    S3 = "s3://"
    GCS = "gs://"
    AZURE = "abfs://"
    LOCAL = "file://"


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file's bytes must hash to. `kind` is md5, crc32c, sha256 or git-blob; `hex` is lower.

    A `git-blob` is the SHA-1 of "blob SIZE\\0" and the bytes, as Git names them.
    """

    kind: str
    hex: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed address.

    `place` is OWNER/NAME of Kaggle and the Hub, a competition's name, a
    model's OWNER/MODEL/FRAMEWORK/VARIATION, BUCKET/KEY of an object store, a
    whole web address, or an absolute path here. `version` is as it was asked
    for, "" for the newest. `path` is one file or folder in it, "" for all.
    `digest` is what the user says that a file on the web must hash to.
    `called` is a name the user gave in place of the dataset's own.
    """

    kind: Kind
    place: str
    version: str = ""
    path: str = ""
    digest: Digest | None = None
    called: str = ""

    @property
    def name(self) -> str:
        """The folder below `data/` in which it is found: letters, digits, `.`, `_` and `-`."""
        if self.called:
            return self.called
        if self.kind is Kind.KAGGLE_MODEL:
            return safe_name(self.place.split("/")[1])
        place = self.place.partition("?")[0]
        return safe_name(without_archive_ending(PurePosixPath(place).name))

    @property
    def text(self) -> str:
        """The canonical address; parsing it gives this reference again. It holds no secret.

        What signs a web address is left out, so that such a one has to be given again.
        """
        version = f"@{self.version}" if self.version else ""
        path = f"/{self.path}" if self.path else ""
        digest = f"#{self.digest.kind}={self.digest.hex}" if self.digest else ""
        if self.kind is Kind.WEB:
            return without_secrets(self.place) + digest
        version = version.replace("/", "%2F")
        place = self.place
        if self.kind is Kind.LOCAL:  # a folder here may have any name
            place = place.replace("%", "%25").replace("#", "%23")
        return f"{self.kind.value}{place}{version}{path}{digest}"

    def at(self, version: str) -> Reference:
        """Return this reference with another version."""
        return replace(self, version=version)


def without_archive_ending(name: str) -> str:
    """Return a file's name without what says that it is an archive."""
    for ending in _ARCHIVES:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def is_archive(name: str) -> bool:
    """Say whether a file of this name is an archive of files that gets unpacked."""
    return without_archive_ending(name) != name


def safe_name(text: str) -> str:
    """Return a name that every file system takes as one folder's name; never empty."""
    plain = _NOT_IN_NAMES.sub("-", text).strip(".-")[:_MAX_NAME]
    return plain or "data"
