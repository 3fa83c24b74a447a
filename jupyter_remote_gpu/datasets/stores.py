"""Object stores (S3, Google's, Azure's) as a source, by fsspec's libraries if the user has them."""

from __future__ import annotations

import base64
import binascii
import importlib
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from jupyter_remote_gpu.errors import (
    CredentialsRefusedError,
    DatasetError,
    NoCredentialsError,
    NoSuchDataError,
    NotAvailableError,
    PrivateDataError,
    SourceDownError,
)

from .addresses import expires_at, redacted
from .paths import checked_path
from .reference import Digest, Kind, Reference, is_archive
from .source import Link, RemoteFile, Resolved, Source

_LASTS_SECONDS = 6 * 3600
_LIBRARIES = {Kind.S3: "s3fs", Kind.GCS: "gcsfs", Kind.AZURE: "adlfs"}
_PROTOCOLS = {Kind.S3: "s3", Kind.GCS: "gs", Kind.AZURE: "abfs"}
_ANONYMOUS: dict[Kind, dict[str, object]] = {
    Kind.S3: {"anon": True},
    Kind.GCS: {"token": "anon"},
    Kind.AZURE: {"anon": True},
}
_NO_CREDENTIALS = ("NoCredentials", "DefaultCredentials", "Unable to locate credentials")
_WRONG_CREDENTIALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")


class StoreSource(Source):
    """What lies in a bucket. The library finds the credentials; the machine gets signed links."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._known: dict[bool, Any] = {}
        """The library's own objects: with the credentials it finds (False), and without any."""

    def resolve(self, reference: Reference) -> Resolved:
        """List the key or what lies below it; a key that ends in an archive gets unpacked."""
        rows, anonymous = self._listed(reference)
        root = reference.place.strip("/")
        files, seen = [], sha256()
        for name, row in sorted(rows.items()):
            inside = name.strip("/").removeprefix(root).strip("/")
            path = checked_path(inside or PurePosixPath(root).name)
            size = int(row.get("size") or 0)
            unpack = not inside and is_archive(path)
            files.append(RemoteFile(path, size, _digests(row), unpack))
            seen.update(f"{path}\0{size}\0{_tag(row)}\n".encode())
        return Resolved(reference, seen.hexdigest()[:12], tuple(files), anonymous)

    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Sign an address for each file; S3 and a service account of Google sign without asking."""
        root = resolved.reference.place.strip("/")
        # A folder may hold a single file of its own name.
        alone = len(resolved.files) == 1 and root.endswith(f"/{resolved.files[0].path}")
        anonymous = resolved.open_to_all
        whole = alone and bool(self._store(anonymous).isfile(root))
        names = [root if whole else f"{root}/{file.path}" for file in files]
        return [self._signed(resolved.reference, name, anonymous) for name in names]

    def _signed(self, reference: Reference, name: str, anonymous: bool) -> Link:
        store = self._store(anonymous)
        if anonymous and self._kind is Kind.GCS:
            return Link(f"https://storage.googleapis.com/{quote(name)}")
        try:
            url = str(store.sign(name, expiration=_LASTS_SECONDS))
        except Exception as error:  # each cloud has its own: no key, a user's login, not built
            raise NoCredentialsError(
                f"No link to {reference.text} can be signed with the credentials found here:"
                f" {redacted(str(error) or type(error).__name__)}.",
                hint="A login of a person cannot sign at some clouds: use an access key or a"
                " service account.",
            ) from None
        ends = datetime.now(timezone.utc).timestamp() + _LASTS_SECONDS
        return Link(url, expires_at=None if anonymous else expires_at(url) or ends)

    def _listed(self, reference: Reference) -> tuple[Mapping[str, Mapping[str, Any]], bool]:
        """Return what is there, and whether it was asked without credentials, as there are none."""
        try:
            return self._find(reference, False), False
        except Exception as error:
            if not _says(error, _NO_CREDENTIALS):
                raise self._refused(reference, error, False) from None
        with self._lock:
            self._known.pop(False, None)  # credentials may be put later
        try:
            return self._find(reference, True), True
        except Exception as error:
            raise self._refused(reference, error, True) from None

    def _find(self, reference: Reference, anonymous: bool) -> Mapping[str, Mapping[str, Any]]:
        store, name = self._store(anonymous), reference.place.rstrip("/")
        found: Mapping[str, Mapping[str, Any]] = store.find(name, detail=True)
        files = {key: row for key, row in found.items() if row.get("type") != "directory"}
        # Consoles make a folder by an empty object whose name ends in a slash.
        files = {key: row for key, row in files.items() if not key.endswith("/")}
        if not files:
            raise FileNotFoundError(name)
        return files

    def _store(self, anonymous: bool) -> Any:
        library = _LIBRARIES[self._kind]
        with self._lock:
            if anonymous not in self._known:
                try:
                    fsspec = importlib.import_module("fsspec")
                    importlib.import_module(library)
                except ImportError:
                    raise NotAvailableError(
                        f"Data in {self._kind.value}… need the package {library} on this computer.",
                        hint=f"%pip install {library}",
                    ) from None
                options = _ANONYMOUS[self._kind] if anonymous else {}
                # Kept by us alone: the libraries keep one for ever, with the first credentials.
                options = {"use_listings_cache": False, "skip_instance_cache": True, **options}
                self._known[anonymous] = fsspec.filesystem(_PROTOCOLS[self._kind], **options)
            return self._known[anonymous]

    def _refused(self, reference: Reference, error: Exception, anonymous: bool) -> Exception:
        with self._lock:
            # Who mends his credentials and asks again is looked at anew.
            self._known.clear()
        if isinstance(error, NotAvailableError | DatasetError):
            return error
        told = redacted(str(error) or type(error).__name__)
        if isinstance(error, FileNotFoundError):
            return NoSuchDataError(
                f"There is nothing at {reference.text}.", hint="Are bucket and key right?"
            )
        if _says(error, _WRONG_CREDENTIALS):
            return CredentialsRefusedError(
                f"The store of {reference.text} does not accept the credentials found here:"
                f" {told}.",
                hint="They may have ended: log in again with the cloud's own program.",
            )
        if isinstance(error, PermissionError) or _says(error, ("AccessDenied", "Forbidden")):
            none = " No credentials were found here." if anonymous else ""
            return PrivateDataError(
                f"{reference.text} may not be read: {told}.{none}",
                hint="The right to list the bucket is needed, too.",
            )
        return SourceDownError(
            f"The store of {reference.text} did not answer as it should: {told}."
        )


def _says(error: BaseException, words: Sequence[str]) -> bool:
    told = f"{type(error).__name__} {error}"
    return any(word in told for word in words)


def _tag(row: Mapping[str, Any]) -> str:
    """Return what a store says to tell an object's contents apart."""
    for field in ("ETag", "generation", "etag", "LastModified", "last_modified", "mtime"):
        if row.get(field):
            return str(row[field]).strip('"')
    return ""


def _digests(row: Mapping[str, Any]) -> tuple[Digest, ...]:
    """Return Google's digests. S3's tag is an MD5 only sometimes, and does not say when."""
    found = []
    for kind, field in (("md5", "md5Hash"), ("crc32c", "crc32c")):
        try:
            value = base64.b64decode(str(row.get(field) or ""), validate=True).hex()
        except (binascii.Error, ValueError):
            continue
        if value:
            found.append(Digest(kind, value))
    return tuple(found)
