"""Publishing on the Hub, from the side that has the token: repository, links, commit."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.errors import (
    BadReferenceError,
    CredentialsRefusedError,
    DatasetError,
    MayNotWriteError,
    NoCredentialsError,
    NoSuchDataError,
    PublicRepositoryError,
    SourceDownError,
    UploadError,
)

from .addresses import redacted
from .credentials.hub import LOOKED_AT
from .hub_calls import HubCalls, too_many
from .reference import Kind, Reference
from .web import Answer

CARD = "README.md"
MARK = "<!-- written by jupyter_remote_gpu: without this line it is left as it is -->"
_TOKENS = "https://huggingface.co/settings/tokens"
_LIMITS = (
    "How much it takes, and of what, is on https://huggingface.co/docs/hub/storage-limits; files"
    " that arrived are not sent again."
)
_LFS = "application/vnd.git-lfs+json"
_AT_ONCE = 256
"""Of so many files the Hub's own library asks at most in one request."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A file that is to go out: path, size, SHA-256, and its first bytes as base64."""

    path: str
    bytes: int
    sha256: str
    sample: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file's bytes go: one address, or one a part of `part_bytes`; as secret as a key."""

    parts: list[str] = field(repr=False)
    part_bytes: int
    headers: dict[str, str] = field(repr=False)
    complete: str = field(default="", repr=False)
    verify: str = field(default="", repr=False)


@dataclass(slots=True)
class Upload:
    """One publishing that was begun: which files are in the commit itself, which are sent."""

    repo: str
    files: dict[str, Offered]
    inline: set[str]
    targets: dict[str, Target]


class HubUploads:
    """Publishes models with the token of whoever uses this computer; every call blocks."""

    def __init__(self, calls: HubCalls | None = None) -> None:
        self._calls = calls or HubCalls()

    def begin(self, repo: str, files: Sequence[Offered], *, private: bool) -> Upload:
        """Make the repository if need be, and return links for what the Hub does not have yet.

        Raises NoCredentialsError, CredentialsRefusedError, MayNotWriteError,
        PublicRepositoryError, UploadError and others of the Hub.
        """
        about = _model(repo)
        if self._calls.credential() is None:
            self._calls.forget()
            raise NoCredentialsError(
                "To publish, the Hub wants to know who you are, and no token was found here.",
                hint=f"Create one that may write on {_TOKENS} and run `hf auth login`, or set"
                f" HF_TOKEN. Looked at: {LOOKED_AT}.",
            )
        self._create(about, private)
        inline: set[str] = set()
        for batch in _batches(files):
            inline |= self._inline(about, batch)
        targets: dict[str, Target] = {}
        for batch in _batches([file for file in files if file.path not in inline]):
            targets |= self._targets(about, batch)
        return Upload(repo, {file.path: file for file in files}, inline, targets)

    def arrived(self, upload: Upload, path: str, tags: Sequence[str]) -> None:
        """Have a file's parts put together: then it is there, whatever ends before `finish`.

        `tags` are what the storage said to each part. Raises as `begin`.
        """
        target = upload.targets[path]
        self._arrived(_model(upload.repo), upload.files[path], target, tags)
        del upload.targets[path]

    def finish(
        self,
        upload: Upload,
        inline: Mapping[str, bytes],
        tags: Mapping[str, Sequence[str]],
        card: Callable[[str], str],
    ) -> str:
        """Make one commit of all files, with the card where the user wrote none; return the page.

        `tags` are what the storage said to each part of a file; `card` makes a
        card, given the one that stands there. Raises as `begin`.
        """
        about = _model(upload.repo)
        for path, target in upload.targets.items():
            self._arrived(about, upload.files[path], target, tags.get(path, ()))
        texts = dict(inline)
        before = None if CARD in upload.files else self._card_to_replace(about)
        if before is not None:
            texts[CARD] = f"{card(before)}\n{MARK}\n".encode()
        lines: list[dict[str, Any]] = [
            {"key": "header", "value": {"summary": "Publish weights", "description": ""}}
        ]
        for path, data in texts.items():
            content = base64.b64encode(data).decode()
            value = {"content": content, "path": path, "encoding": "base64"}
            lines.append({"key": "file", "value": value})
        for path, file in upload.files.items():
            if path not in upload.inline:
                large = {"path": path, "algo": "sha256", "oid": file.sha256, "size": file.bytes}
                lines.append({"key": "lfsFile", "value": large})
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        url = f"{self._calls.endpoint}/api/models/{about.place}/commit/main"
        self._checked(
            about,
            self._calls.post(url, data=data, headers={"Content-Type": "application/x-ndjson"}),
        )
        return self._calls.page(about)

    def _create(self, about: Reference, private: bool) -> None:
        owner, _, name = about.place.partition("/")
        visibility = "private" if private else "public"
        # Older versions of the interface read `private`, newer ones `visibility`.
        asked = {"name": name, "organization": owner, "private": private, "visibility": visibility}
        answer = self._calls.post(f"{self._calls.endpoint}/api/repos/create", json=asked)
        if answer.status != 409:  # that it is there already
            self._checked(about, answer)
        if private and self._calls.info(about).get("private") is not True:
            raise PublicRepositoryError(
                f"{self._calls.page(about)} is open to all; nothing was sent there.",
                hint="If everybody may have the weights: `push_to_hub(…, private=False)`. Else"
                " take another name, or make the repository private in its settings.",
            )

    def _inline(self, about: Reference, files: Sequence[Offered]) -> set[str]:
        """Ask which files the Hub wants in the commit itself, not in its large storage."""
        url = f"{self._calls.endpoint}/api/models/{about.place}/preupload/main"
        asked = [{"path": f.path, "sample": f.sample, "size": f.bytes} for f in files]
        answer = self._checked(about, self._calls.post(url, json={"files": asked}))
        said = answer.json().get("files")
        rows = said if isinstance(said, list) else []
        modes = {row["path"]: row.get("uploadMode") for row in rows if isinstance(row, dict)}
        # The storage takes nothing that is empty.
        return {f.path for f in files if not f.bytes or modes.get(f.path) == "regular"}

    def _targets(self, about: Reference, files: Sequence[Offered]) -> dict[str, Target]:
        url = f"{self._calls.endpoint}/{about.place}.git/info/lfs/objects/batch"
        asked = {
            "operation": "upload",
            "transfers": ["basic", "multipart"],
            "hash_algo": "sha256",
            "objects": [{"oid": file.sha256, "size": file.bytes} for file in files],
        }
        headers = {"Accept": _LFS, "Content-Type": _LFS}
        data = json.dumps(asked).encode()
        answer = self._checked(about, self._calls.post(url, data=data, headers=headers))
        said = answer.json().get("objects")
        rows = {row["oid"]: row for row in said} if isinstance(said, list) else {}
        targets: dict[str, Target] = {}
        for file in files:
            row = rows.get(file.sha256, {"error": {"message": "it does not say where to"}})
            if "error" in row:
                words = redacted(str(row["error"].get("message", "")))
                raise UploadError(f"The Hub does not take {file.path}: {words}.", hint=_LIMITS)
            if "upload" in row.get("actions", {}):  # else it is there already
                targets[file.path] = _target(row["actions"], file)
        return targets

    def _arrived(
        self, about: Reference, file: Offered, target: Target, tags: Sequence[str]
    ) -> None:
        """Have the parts put together, and ask whether all came, as the Hub's own library does."""
        if target.complete:
            parts = [{"partNumber": n, "etag": tag} for n, tag in enumerate(tags, 1)]
            data = json.dumps({"oid": file.sha256, "parts": parts}).encode()
            headers = {"Accept": _LFS, "Content-Type": _LFS}
            self._checked(about, self._calls.post(target.complete, data=data, headers=headers))
        if target.verify:
            asked = {"oid": file.sha256, "size": file.bytes}
            self._checked(about, self._calls.post(target.verify, json=asked))

    def _card_to_replace(self, about: Reference) -> str | None:
        """Return the card there if it was written here, "" if there is none, None if a person's."""
        try:
            self._calls.head(about, CARD)
        except NoSuchDataError:
            return ""
        headers = who.header if (who := self._calls.credential()) else {}
        found = self._calls.web.follow("GET", self._calls.address(about, CARD), headers=headers)
        text = found.body.decode("utf-8", "replace")
        return text if MARK in text else None

    def _checked(self, about: Reference, answer: Answer) -> Answer:
        if answer.status >= 400:
            error = self._refused(about, answer)
            self._calls.forget()
            raise error
        return answer

    def _refused(self, about: Reference, answer: Answer) -> DatasetError:
        said = answer.headers.get("x-error-message") or str(answer.json().get("error", ""))
        told = f" The Hub says: {redacted(said)}" if said else ""
        who = self._calls.credential()
        where = who.where if who else "this computer"
        match answer.status:
            case 401:
                return CredentialsRefusedError(
                    f"The Hub does not accept the token of {where}.{told}",
                    hint=f"It may have ended or been revoked. Create one on {_TOKENS}.",
                )
            case 403 | 404:
                return MayNotWriteError(
                    f"The token of {where} may not write to {about.text}.{told}",
                    hint=f"Create one with the right to write on {_TOKENS}. Is the owner's name"
                    " yours, or that of an organization in which you may write?",
                )
            case 429:
                return too_many(answer)
            case status if status >= 500:
                return SourceDownError(
                    f"The Hub is in trouble: it answered {status} to what is to be published."
                    f"{told}",
                    hint="Try again in a few minutes; files that arrived are not sent again.",
                )
            case status:
                return UploadError(
                    f"The Hub does not take it: it answered {status}.{told}", hint=_LIMITS
                )


def _batches(files: Sequence[Offered]) -> list[Sequence[Offered]]:
    return [files[n : n + _AT_ONCE] for n in range(0, len(files), _AT_ONCE)]


def _model(repo: str) -> Reference:
    owner, slash, name = repo.partition("/")
    fine = all(
        part
        and part.replace("-", "").replace("_", "").replace(".", "").isalnum()
        and part.isascii()
        and part[0] not in ".-"
        for part in (owner, name)
    )
    if not slash or not fine:
        raise BadReferenceError(
            f"{repo[:200]!r} is no name of a model on the Hub.", hint="It is `OWNER/NAME`."
        )
    return Reference(Kind.HUB_MODEL, repo)


def _target(actions: Mapping[str, Any], file: Offered) -> Target:
    upload = actions["upload"]
    header = {str(k): str(v) for k, v in upload.get("header", {}).items()}
    verify = str(actions.get("verify", {}).get("href", ""))
    size = header.pop("chunk_size", "")
    if not size:
        return Target([upload["href"]], 0, header, verify=verify)
    parts = [header[number] for number in sorted((h for h in header if h.isdigit()), key=int)]
    if not size.isdigit() or int(size) < 1 or len(parts) != -(-file.bytes // int(size)):
        raise SourceDownError(f"The Hub does not say where all parts of {file.path} go.")
    return Target(parts, int(size), {}, complete=upload["href"], verify=verify)
