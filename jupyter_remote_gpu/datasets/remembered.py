"""What references were found to mean: kept, so that data already placed cost no request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import BadReferenceError, UnsafePathError
from jupyter_remote_gpu.replacing import replaced

from .addresses import without_secrets
from .grammar import parse_reference
from .paths import checked_path
from .reference import Digest, Kind, Reference
from .source import RemoteFile, Resolved

_FORMAT = 1
_MAX_FILES_KEPT = 50_000
"""A longer list is asked for anew: reading it would take longer than asking."""


def as_plain(resolved: Resolved) -> dict[str, object]:
    """Return JSON-like data that `from_plain` understands; it holds no secret."""
    one = resolved.reference
    return {
        "format": _FORMAT,
        "address": one.text,
        "called": one.called,
        "version": resolved.version,
        "open": resolved.open_to_all,
        "page": resolved.page,
        "files": [_file_as_plain(file) for file in resolved.files],
    }


def from_plain(said: Mapping[str, Any]) -> Resolved:
    """Return what was resolved, checked as anything from outside; raises BadReferenceError."""
    try:
        if said["format"] != _FORMAT:
            raise BadReferenceError(f"data are described in the unknown form {said['format']!r}")
        return Resolved(
            parse_reference(str(said["address"]), called=str(said["called"])),
            str(said["version"]),
            tuple(_file(row) for row in said["files"]),
            bool(said["open"]),
            str(said["page"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, UnsafePathError) as error:
        raise BadReferenceError(f"A description of data cannot be read: {error!r}.") from error


class Remembered:
    """A file that knows, for one project, which version each reference was found to mean.

    Reading and writing are whole files; two processes that write at once lose
    one entry, which is then asked for again. Nothing in it is secret: of an address
    that is signed, the whole is known only to this object, so that another, which
    differs in what is secret alone, is asked for and not taken for the same.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signed: dict[str, str] = {}

    def get(self, reference: Reference) -> Resolved | None:
        """Return what the reference meant, with the reference as given now; asks nobody."""
        found, signed = self._found(reference)
        whole = self._signed.get(_key(reference)) if signed else ""
        return found if whole == _signed(reference) else None

    def alike(self, reference: Reference) -> Resolved | None:
        """Return what an address that is shown like this one meant: what is secret may differ."""
        return self._found(reference)[0]

    def _found(self, reference: Reference) -> tuple[Resolved | None, bool]:
        """Return what is kept, and whether it was for an address that is signed."""
        said = self._read().get(_key(reference))
        try:
            found = replace(from_plain(said), reference=reference) if said else None
        except BadReferenceError:
            return None, False
        return found, bool(said and said.get("signed"))

    def named(self, text: str) -> Resolved | None:
        """Return what has this address with version (`Resolved.text`); asks nobody."""
        said = next((one for one in self._read().values() if _text(one) == text), None)
        try:
            return from_plain(said) if said else None
        except BadReferenceError:
            return None

    def put(self, resolved: Resolved) -> None:
        """Keep what was found; raises OSError if it cannot be written."""
        if len(resolved.files) <= _MAX_FILES_KEPT:
            key, whole = _key(resolved.reference), _signed(resolved.reference)
            self._signed[key] = whole
            said = {**as_plain(resolved), "signed": bool(whole)}
            self._write({**self._read(), key: said})

    def forget(self, reference: Reference) -> bool:
        """Have the next one ask again which version is meant; say whether it was known."""
        entries = self._read()
        known = entries.pop(_key(reference), None) is not None
        if known:
            self._write(entries)
        return known

    def _read(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # not there yet, or damaged: it is all found again by asking
        return entries if isinstance(entries, dict) else {}

    def _write(self, entries: Mapping[str, object]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with replaced(self._path) as out:
            out.write(json.dumps(entries).encode())


def _text(said: Any) -> str:
    """Return the address with version of an entry; "" if it is damaged."""
    try:
        return from_plain({**said, "files": []}).text
    except (BadReferenceError, TypeError):
        return ""


def _signed(reference: Reference) -> str:
    """Return the whole of an address that holds a secret; "" for any other."""
    place = reference.place
    return place if reference.kind is Kind.WEB and without_secrets(place) != place else ""


def _key(reference: Reference) -> str:
    return f"{reference.text} {reference.called}".strip()


def _file_as_plain(file: RemoteFile) -> list[object]:
    digests = {digest.kind: digest.hex for digest in file.digests}
    return [file.path, file.bytes, digests, file.unpack, file.only]


def _file(row: Any) -> RemoteFile:
    path, size, digests, unpack, only = row
    if size is not None and (not isinstance(size, int) or size < 0):
        raise ValueError(f"{size!r} is no size")
    kept = tuple(Digest(str(kind), str(value)) for kind, value in digests.items())
    return RemoteFile(checked_path(str(path)), size, kept, bool(unpack), str(only))
