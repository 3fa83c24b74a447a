"""Calls of the Hugging Face Hub's web interface, and what its refusals mean."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from urllib.parse import quote, urljoin

from jupyter_remote_gpu.errors import (
    CredentialsRefusedError,
    DatasetError,
    NoCredentialsError,
    NoSuchDataError,
    PrivateDataError,
    RateLimitedError,
    RulesNotAcceptedError,
    SourceDownError,
)

from .addresses import percent_encoded, redacted
from .credentials.credential import Credential
from .credentials.hub import LOOKED_AT, hub_credential
from .credentials.vaults import ask_anew
from .reference import Kind, Reference
from .web import Answer, Web, origin

_HUB = "https://huggingface.co"
_TOKENS = "https://huggingface.co/settings/tokens"
_NEXT = re.compile(r"<([^>]+)>\s*;\s*rel=\"?next\"?")
_MAX_PAGES = 2000
_MAX_MOVES = 5
_TOKEN_HINT = f"Create one that may read on {_TOKENS} and run `hf auth login`, or set HF_TOKEN."


class HubCalls:
    """The Hub's web interface for whoever uses this computer. Any thread; every call blocks.

    The token is looked for with the first call, and again after a refusal; it goes to `endpoint`
    alone (HF_ENDPOINT, or the Hub's own).
    """

    def __init__(
        self,
        web: Web | None = None,
        endpoint: str | None = None,
        credential: Callable[[], Credential | None] = hub_credential,
    ) -> None:
        self.web = web or Web("the Hub")
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")
        self._find = credential
        self._lock = threading.Lock()
        self._found: list[Credential | None] = []

    def info(self, about: Reference) -> dict[str, object]:
        """Return what the Hub says of a repository at the version asked for."""
        revision = quote(about.version or "main", safe="")
        answer = self._ask("GET", f"{self._api(about)}/revision/{revision}")
        self._check(about, answer)
        return answer.json()

    def tree(self, about: Reference, folder: str = "") -> list[dict[str, object]]:
        """Return all files and folders below a folder, at the version of `about`."""
        inside = f"/{percent_encoded(folder)}" if folder else ""
        url = f"{self._api(about)}/tree/{quote(about.version, safe='')}{inside}?recursive=true"
        rows: list[dict[str, object]] = []
        for _ in range(_MAX_PAGES):
            answer = self._ask("GET", url)
            self._check(about, answer)
            rows += _rows(answer.body)
            found = _NEXT.search(answer.headers.get("link", ""))
            if found is None:
                return rows
            url = urljoin(url, found[1])
        raise SourceDownError(f"The Hub does not come to an end of what is in {about.text}.")

    def head(self, about: Reference, path: str) -> Answer:
        """Return what the Hub says of one file; a `location` is where its bytes are, signed.

        A repository that was renamed is followed to its new name.
        """
        url = self.address(about, path)
        for _ in range(_MAX_MOVES):
            answer = self._ask("HEAD", url)
            to = answer.location
            if to is None or origin(to) != origin(self.endpoint):
                self._check(about, answer)
                return answer
            url = to
        raise SourceDownError(f"The Hub leads in circles from {about.text}.")

    def address(self, about: Reference, path: str) -> str:
        """Return the lasting address of one file at the version of `about`."""
        folder = "datasets/" if about.kind is Kind.HUB_DATASET else ""
        revision = quote(about.version or "main", safe="")
        file = percent_encoded(path)
        return f"{self.endpoint}/{folder}{about.place}/resolve/{revision}/{file}"

    def page(self, about: Reference) -> str:
        """Return the page on which a person reads about the data."""
        folder = "datasets/" if about.kind is Kind.HUB_DATASET else ""
        return f"{self.endpoint}/{folder}{about.place}"

    def post(
        self,
        url: str,
        *,
        json: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send something to an address of the Hub's own; may be sent twice. Any answer is returned.

        The token goes along only to the Hub itself.
        """
        who = self.credential() if origin(url) == origin(self.endpoint) else None
        more = {**(headers or {}), **(who.header if who else {})}
        return self.web.ask("POST", url, headers=more, json=json, data=data)

    def forget(self) -> None:
        """Look for a token anew with the next call: after a refusal the user puts another one."""
        ask_anew()
        with self._lock:
            self._found.clear()

    def credential(self) -> Credential | None:
        """Return who asks, or None; looks only once, and again after a refusal."""
        with self._lock:
            if not self._found:
                self._found.append(self._find())
            return self._found[0]

    def _api(self, about: Reference) -> str:
        folder = "datasets" if about.kind is Kind.HUB_DATASET else "models"
        return f"{self.endpoint}/api/{folder}/{about.place}"

    def _ask(self, method: str, url: str) -> Answer:
        # A page of a listing may lead elsewhere; the token does not.
        who = self.credential() if origin(url) == origin(self.endpoint) else None
        return self.web.ask(method, url, headers=who.header if who else {})

    def _check(self, about: Reference, answer: Answer) -> None:
        if answer.status >= 400:
            error = self._refused(about, answer)
            self.forget()
            raise error

    def _refused(self, about: Reference, answer: Answer) -> DatasetError:
        code = answer.headers.get("x-error-code", "")
        words = redacted(answer.headers.get("x-error-message", ""))
        told = f" The Hub says: {words}" if words else ""
        who, page = self.credential(), self.page(about)
        if code == "GatedRepo":
            return self._gated(about, told)
        if code in ("RevisionNotFound", "EntryNotFound"):
            what = f"path {about.path!r}" if code == "EntryNotFound" else f"{about.version!r}"
            return NoSuchDataError(f"{about.text} has no {what}.", hint=f"Look at {page}.")
        match answer.status:
            case 401 if who is not None and code != "RepoNotFound":
                return CredentialsRefusedError(
                    f"The Hub does not accept the token of {who.where}.{told}",
                    hint=f"It may have ended or been revoked. {_TOKEN_HINT}",
                )
            case 401 | 404:
                private = (
                    "the token found here cannot see it"
                    if who
                    else f"no token was found here. {_TOKEN_HINT} Looked at: {LOOKED_AT}"
                )
                return NoSuchDataError(
                    f"The Hub knows no {about.text}, or it is private.{told}",
                    hint=f"Is the name right? {page}. If it is private: {private}.",
                )
            case 403:
                return PrivateDataError(
                    f"Your account at the Hub may not read {about.text}.{told}",
                    hint=f"Does the token have the right to read it? {_TOKENS}",
                )
            case 429:
                return too_many(answer)
            case status:
                return SourceDownError(
                    f"The Hub is in trouble: it answered {status} when asked for {about.text}."
                    f"{told}",
                    hint="Try again in a few minutes; https://status.huggingface.co says more.",
                )

    def _gated(self, about: Reference, told: str) -> DatasetError:
        page = self.page(about)
        if self.credential() is None:
            return NoCredentialsError(
                f"The Hub gives {about.text} only to users it knows, and no token was found"
                f" here.{told}",
                hint=f"{_TOKEN_HINT} Looked at: {LOOKED_AT}.",
            )
        return RulesNotAcceptedError(
            f"You have to agree to the terms of {about.text} first.{told}",
            page=page,
            hint=f"Open {page}, agree there, and ask again. Some owners look at each request:"
            " that takes a while.",
        )


def _rows(body: bytes) -> list[dict[str, object]]:
    try:
        rows = json.loads(body)
    except ValueError:
        rows = None
    if not isinstance(rows, list):
        raise SourceDownError("The Hub's answer cannot be read: it is no listing.")
    return [row for row in rows if isinstance(row, dict)]


def too_many(answer: Answer) -> RateLimitedError:
    """Return what to say when the Hub wants fewer requests, and for how long."""
    wait = answer.retry_after
    when = f"in {wait:.0f} s" if wait is not None else "in a few minutes"
    return RateLimitedError(
        "The Hub wants fewer requests from you.",
        retry_after=wait,
        hint=f"Try again {when}; with a token it allows more.",
    )
