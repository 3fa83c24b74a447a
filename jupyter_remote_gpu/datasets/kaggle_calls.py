"""Calls of Kaggle's web interface, and what its refusals mean."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

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

from .addresses import redacted
from .credentials.credential import Credential
from .credentials.kaggle import LOOKED_AT, kaggle_credential
from .credentials.vaults import ask_anew
from .reference import Kind, Reference
from .web import Answer, Web

ENDPOINT = "https://api.kaggle.com"
_SETTINGS = "https://www.kaggle.com/settings"
_LOGIN_SECONDS = "3600s"
_MUST_ACCEPT = ("accept", "rules", "competitions.participate", "consent", "agree")
_TOKEN_HINT = f"Create a token on {_SETTINGS} and put it into ~/.kaggle/access_token."


class KaggleCalls:
    """Kaggle's web interface for whoever uses this computer. Any thread; every call blocks.

    Credentials are looked for with the first call, and again after a refusal.
    `endpoint` is where the interface is; the credential goes there and nowhere else.
    """

    def __init__(
        self,
        web: Web | None = None,
        endpoint: str = ENDPOINT,
        credential: Callable[[], Credential | None] | None = None,
    ) -> None:
        self.web = web or Web("Kaggle")
        self._endpoint = endpoint.rstrip("/")
        self._find = credential or (lambda: kaggle_credential(self._renewed))
        self._lock = threading.Lock()
        self._found: list[Credential | None] = []

    def call(
        self, about: Reference, service: str, method: str, body: Mapping[str, object]
    ) -> dict[str, object]:
        """Return what a method answers; `about` is what the user asked for, for messages.

        Raises the classes below `DatasetError`.
        """
        answer = self._ask(service, method, body)
        self._check(about, answer)
        return answer.json()

    def location(
        self, about: Reference, service: str, method: str, body: Mapping[str, object]
    ) -> str:
        """Return the signed address a download leads to, without going there."""
        answer = self._ask(service, method, body, whole=False)
        self._check(about, answer)
        if answer.location is None:
            raise SourceDownError(
                f"Kaggle gave no link to {about.text}: it answered {answer.status} to a request"
                " for a download.",
                hint="Kaggle may have changed its interface: is there a newer version of"
                " jupyter_remote_gpu?",
            )
        return answer.location

    def credential(self) -> Credential | None:
        """Return who asks, or None; looks only once, and again after a refusal."""
        with self._lock:
            if not self._found:
                self._found.append(self._find())
            return self._found[0]

    def _forget(self) -> None:
        """Look for a credential anew: after a refusal the user puts another one."""
        ask_anew()
        with self._lock:
            self._found.clear()

    def refused(self, about: Reference, answer: Answer) -> DatasetError:
        """Return the error that a refusal of Kaggle's or of its storage means."""
        said = answer.json()
        words = redacted(str(said.get("message") or said.get("error") or ""))
        told = f" Kaggle says: {words}" if words else ""
        who = self.credential()
        match _status(answer):
            case 401 | 403 if who is None:
                return NoCredentialsError(
                    f"Kaggle gives {about.text} only to users it knows, and no token was found"
                    f" here.{told}",
                    hint=f"{_TOKEN_HINT} Looked at: {LOOKED_AT}.",
                )
            case 401:
                return CredentialsRefusedError(
                    f"Kaggle does not accept the token of {who.where if who else ''}.{told}",
                    hint=f"It may have ended or been revoked. {_TOKEN_HINT}",
                )
            case 403:
                return _not_allowed(about, words, told)
            case 404:
                anonymous = " It may also be private: no token was found here." if not who else ""
                return NoSuchDataError(
                    f"Kaggle knows no {about.text}.{told}",
                    hint=f"Look at {page(about)} whether name, version and path are right."
                    f"{anonymous}",
                )
            case 429:
                return _too_many(answer)
            case status:
                return SourceDownError(
                    f"Kaggle is in trouble: it answered {status} when asked for {about.text}."
                    f"{told}",
                    hint="Try again in a few minutes.",
                )

    def _ask(
        self, service: str, method: str, body: Mapping[str, object], whole: bool = True
    ) -> Answer:
        who = self.credential()
        url = f"{self._endpoint}/v1/{service}/{method}"
        headers = who.header if who else {}
        answer = self.web.ask("POST", url, headers=headers, json=dict(body), body=whole)
        if who is None or _status(answer) != 401:
            return answer
        # A login's token ends after an hour, and a mistyped one may have been mended.
        self._forget()
        other = self.credential()
        if other is None or other.secret == who.secret:
            return answer
        return self.web.ask("POST", url, headers=other.header, json=dict(body), body=whole)

    def _check(self, about: Reference, answer: Answer) -> None:
        if _status(answer) >= 400:
            error = self.refused(about, answer)
            self._forget()
            raise error

    def _renewed(self, refresh_token: str) -> str:
        """Return a new access token for a login; it lives in this process only."""
        url = f"{self._endpoint}/v1/users.AccountService/GenerateAccessToken"
        body = {
            "refreshToken": refresh_token,
            "apiVersion": "API_VERSION_V1",
            "expirationDuration": _LOGIN_SECONDS,
        }
        answer = self.web.ask("POST", url, json=body)
        token = answer.json().get("token")
        if _status(answer) >= 500:
            raise SourceDownError(f"Kaggle is in trouble: it answered {answer.status} to a login.")
        if _status(answer) >= 400 or not isinstance(token, str) or not token:
            raise CredentialsRefusedError(
                "Kaggle does not renew the login of ~/.kaggle/credentials.json.",
                hint="Run `kaggle auth login` again, or create a token on " + _SETTINGS + ".",
            )
        return token


def page(about: Reference) -> str:
    """Return the page on which a person reads about the data."""
    folder = {Kind.KAGGLE: "datasets", Kind.COMPETITION: "competitions"}.get(about.kind, "models")
    return f"https://www.kaggle.com/{folder}/{about.place}"


def _status(answer: Answer) -> int:
    """Return the status meant: Kaggle says some refusals in the body of an answer of 200."""
    code = answer.json().get("code") if answer.body else None
    return code if isinstance(code, int) and code >= 400 else answer.status


def _not_allowed(about: Reference, words: str, told: str) -> DatasetError:
    asks = any(word in words.lower() for word in _MUST_ACCEPT)
    if about.kind is Kind.COMPETITION and (asks or not words):
        rules = f"{page(about)}/rules"
        return RulesNotAcceptedError(
            f"You have to accept the rules of the competition {about.place} first.{told}",
            page=rules,
            hint=f"Open {rules}, accept them there, and ask again: no program can do it.",
        )
    if asks:
        return RulesNotAcceptedError(
            f"You have to agree to the terms of {about.text} first.{told}",
            page=page(about),
            hint=f"Open {page(about)}, agree there, and ask again.",
        )
    return PrivateDataError(
        f"Your account at Kaggle may not read {about.text}.{told}",
        hint=f"Ask its owner to share it with you: {page(about)}.",
    )


def _too_many(answer: Answer) -> RateLimitedError:
    wait = answer.retry_after
    when = f"in {wait:.0f} s" if wait is not None else "in a few minutes"
    return RateLimitedError(
        "Kaggle wants fewer requests from you.", retry_after=wait, hint=f"Try again {when}."
    )
