"""Asking web servers from this computer: redirects are answers, troubles are of our own classes."""

from __future__ import annotations

import http.client
import json as _json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from jupyter_remote_gpu import __version__
from jupyter_remote_gpu.errors import SourceDownError

from .addresses import redacted, without_secrets

_log = logging.getLogger(__name__)

_TIMEOUT = urllib3.Timeout(connect=10.0, read=30.0)
_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
"""A server that wants us to wait longer is told of instead."""
_MAX_ANSWER_BYTES = 64 << 20
_MAX_REDIRECTS = 10
_PIECE_BYTES = 1 << 16
_AGAIN = {429, 500, 502, 503, 504}
_NONE_LEFT = re.compile(r"\br=0\s*;\s*t=(\d+)")
REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to one request. `headers` are looked up in any case of letters."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as a whole address; None if this is none."""
        to = self.headers.get("location")
        return urljoin(self.url, to) if to and self.status in REDIRECTS else None

    @property
    def retry_after(self) -> float | None:
        """How many seconds the server wants us to wait, if it says.

        The Hub says so in a RateLimit header, which also comes where there are requests left.
        """
        none_left = _NONE_LEFT.search(self.headers.get("ratelimit", ""))
        return float(none_left[1]) if none_left else _seconds(self.headers.get("retry-after", ""))

    def json(self) -> dict[str, object]:
        """Return the body as a JSON object; {} if it is none."""
        try:
            value = _json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class Web:
    """A pool of connections for any number of threads. Every method blocks on the network.

    `source` is who is asked, for messages. `pause` waits between tries.
    """

    def __init__(self, source: str, pause: Callable[[float], None] = time.sleep) -> None:
        self.source = source
        self._pause = pause
        self._direct = urllib3.PoolManager(maxsize=16, timeout=_TIMEOUT, retries=False)
        self._proxies: dict[str, urllib3.ProxyManager] = {}
        self._lock = threading.Lock()
        # The library says every address it asks for, with what signs it, to who logs all there is.
        logging.getLogger("urllib3.connectionpool").addFilter(_unsigned)

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | None = None,
        body: bool = True,
    ) -> Answer:
        """Send a request that may be repeated; again if the server is in trouble.

        Follows no redirect. Raises SourceDownError if there is no answer; any
        answer, also of trouble that lasts, is returned. Without `body` only what
        a server says of trouble is read, for the rest may be long.
        """
        sent = data if json is None else _json.dumps(json).encode()
        more = {"Content-Type": "application/json"} if json is not None else {}
        for turn in range(_TRIES):
            wait = _FIRST_PAUSE_SECONDS * 2**turn
            try:
                with self._opened(method, url, {**more, **(headers or {})}, sent) as response:
                    answer = self._read(response, url, body)
            except SourceDownError as error:
                if turn == _TRIES - 1:
                    raise
                _log.debug("asking %s again: %s", self.source, error)
            else:
                wait = answer.retry_after or wait
                last = turn == _TRIES - 1 or wait > _LONGEST_PAUSE_SECONDS
                if answer.status not in _AGAIN or last:
                    return answer
            self._pause(wait)
        raise AssertionError("the last turn returns or raises")

    def follow(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bool = True,
    ) -> Answer:
        """Ask, follow redirects, and return the last answer; its `url` is what gave it.

        What tells who asks goes to no other origin; from https none leads to http.
        """
        sent = dict(headers or {})
        for _ in range(_MAX_REDIRECTS):
            answer = self.ask(method, url, headers=sent, body=body)
            to = answer.location
            if to is None:
                return answer
            if urlsplit(url).scheme == "https" and urlsplit(to).scheme != "https":
                raise SourceDownError(
                    f"{self.source} leads from {without_secrets(url)} to an address that is not"
                    " encrypted; it was not followed."
                )
            if origin(to) != origin(url):
                sent = {k: v for k, v in sent.items() if k.lower() != "authorization"}
            url = to
        raise SourceDownError(f"{self.source} leads in circles from {without_secrets(url)}.")

    @contextmanager
    def streamed(
        self, url: str, headers: Mapping[str, str]
    ) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """Give the answer to a GET without its body, and the body piece by piece; one try."""
        with self._opened("GET", url, dict(headers), None) as response:
            yield Answer(url, response.status, response.headers), self._pieces(response, url)

    @contextmanager
    def _opened(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        sent = {
            "User-Agent": f"jupyter-remote-gpu/{__version__}",
            "Accept-Encoding": "identity",
            **headers,
        }
        try:
            response = self._pool(url).request(
                method, url, body=body, headers=sent, redirect=False, preload_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._down(url, error) from None
        try:
            yield response
        finally:
            # Read to its end, it has given its connection back; else that is of no use to others.
            response.close()

    def _read(self, response: urllib3.BaseHTTPResponse, url: str, body: bool) -> Answer:
        if not body and response.status < 400:
            return Answer(url, response.status, response.headers)
        whole = b"".join(self._pieces(response, url, _MAX_ANSWER_BYTES))
        return Answer(url, response.status, response.headers, whole)

    def _pieces(
        self, response: urllib3.BaseHTTPResponse, url: str, most: int | None = None
    ) -> Iterator[bytes]:
        came = 0
        try:
            for piece in response.stream(_PIECE_BYTES):
                came += len(piece)
                if most is not None and came > most:
                    raise SourceDownError(
                        f"{self.source} sent an answer of more than {most} bytes."
                    )
                yield piece
        except urllib3.exceptions.HTTPError as error:
            raise self._down(url, error) from None

    def _down(self, url: str, error: Exception) -> SourceDownError:
        if "CERTIFICATE" in str(error):
            hint = (
                "Its certificate could not be checked. Is there a proxy that looks into"
                " connections? Its own certificate is made known by the variable SSL_CERT_FILE."
            )
        else:
            hint = "Is this computer connected? What has come of the data so far is kept."
        return SourceDownError(
            f"{self.source} did not answer ({urlsplit(url).hostname}):"
            f" {redacted(_innermost(error))}.",
            hint=hint,
        )

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxy = getproxies().get(parts.scheme)
        if not proxy or proxy_bypass(parts.hostname or ""):
            return self._direct
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        with self._lock:
            if proxy not in self._proxies:
                self._proxies[proxy] = _through(proxy)
            return self._proxies[proxy]


def _unsigned(record: logging.LogRecord) -> bool:
    """Leave what signs an address out of a record; the same function is added but once."""
    if isinstance(record.args, tuple):
        texts = (without_secrets(a) if isinstance(a, str) and "?" in a else a for a in record.args)
        record.args = tuple(texts)
    return True


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port: whom a header goes to."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


def _through(proxy: str) -> urllib3.ProxyManager:
    parts = urlsplit(proxy)
    login = None
    if parts.username:
        who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = urllib3.make_headers(proxy_basic_auth=who)
    return urllib3.ProxyManager(
        proxy, proxy_headers=login, maxsize=16, timeout=_TIMEOUT, retries=False
    )


def _innermost(error: BaseException) -> str:
    """Return what went wrong without the names of the classes around it."""
    while (inner := getattr(error, "reason", None) or error.__cause__) and isinstance(
        inner, BaseException
    ):
        error = inner
    if isinstance(error, http.client.IncompleteRead):
        return "the connection broke before all had come"
    last = error.args[-1] if error.args else ""
    said = last if isinstance(last, str) and last else str(error) or type(error).__name__
    return said.rpartition(">: ")[2].rstrip(".")


def _seconds(said: str) -> float | None:
    if not said:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        pass  # the other form that HTTP knows: a date
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
