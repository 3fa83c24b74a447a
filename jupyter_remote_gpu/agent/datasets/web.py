"""One GET at a time over connections that are kept: redirects, proxies, parts of files.

A header that came with a link goes to the link's own server alone: a redirect
elsewhere does not take it along, nor is one followed from https to http.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import re
import ssl
import threading
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from jupyter_remote_gpu import __version__

from .job import Link
from .part import Version

CONNECT_SECONDS = 20.0
SILENT_SECONDS = 30.0
"""A server that sends nothing for so long is asked again."""
MOST_REDIRECTS = 10
_LONGEST_WORDS = 2000
_LONGEST_TAG = 500
_REDIRECTS = (301, 302, 303, 307, 308)
_NONE_LEFT = re.compile(r"\br=0\s*;\s*t=(\d+)")
"""In a RateLimit header, as the Hub sends it: when there will be requests left again."""
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3}.{0,40})")
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_Connection = http.client.HTTPConnection
_Host = tuple[str, str, int]


class WebError(Exception):
    """A server, or the way to it, did not do what was asked; trying again may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, its body unread: `start` is where in the file the body begins.

    `end` is where it ends, `version` the file's; both None where the server does not say.
    """

    status: int
    start: int
    end: int | None
    version: Version | None
    retry_after: float | None
    encoded: str
    _response: http.client.HTTPResponse

    def read_into(self, buffer: memoryview) -> int:
        """Read some of the body; 0 at its end. WebError if the connection breaks."""
        try:
            return self._response.readinto(buffer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise WebError(f"the connection broke: {type(error).__name__}") from None

    def words(self) -> str:
        """Return the beginning of the body as text, for what a server says of a failure."""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            return self._response.read(_LONGEST_WORDS).decode(errors="replace")
        return ""


class Web:
    """The connections of one thread."""

    def __init__(self) -> None:
        self._open: dict[_Host, _Connection] = {}

    def drop(self) -> None:
        """Close all connections: the body of an answer was not read to its end."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def get(
        self, link: Link, start: int = 0, end: int | None = None, version: Version | None = None
    ) -> Answer:
        """Ask for the bytes from `start` up to `end` (None: all), of a version if one is given.

        A server that cannot do parts answers with the whole; a changed file comes
        whole too. Raises WebError if there is no answer; any status is an answer.
        """
        asked = {"Accept-Encoding": "identity", "User-Agent": f"jupyter_remote_gpu/{__version__}"}
        if start or end is not None:
            asked["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
            if version is not None and version.tag:
                asked["If-Range"] = version.tag
            elif version is not None and version.changed:
                asked["If-Range"] = version.changed
        home = _host(urlsplit(link.url))
        url = link.url
        for _ in range(MOST_REDIRECTS):
            place = urlsplit(url)
            headers = {**link.headers, **asked} if _host(place) == home else asked
            response = self._ask(place, headers)
            if response.status not in _REDIRECTS:
                return _answer(response)
            where = urljoin(url, response.headers.get("Location", ""))
            self._finish(response, place)
            if urlsplit(where).scheme not in ("https", place.scheme):
                raise WebError("the server sends us from https to an address without")
            url = where
        raise WebError("the server sends us from one address to another, without end")

    def _ask(self, place: SplitResult, headers: dict[str, str]) -> http.client.HTTPResponse:
        kept = _host(place) in self._open
        try:
            return self._try(place, headers)
        except (OSError, http.client.HTTPException) as error:
            self._forget(place)
            if not kept:
                raise WebError(f"no answer: {_reason(error)}") from None
        # a kept connection may have been closed by the server meanwhile
        try:
            return self._try(place, headers)
        except (OSError, http.client.HTTPException) as error:
            self._forget(place)
            raise WebError(f"no answer: {_reason(error)}") from None

    def _try(self, place: SplitResult, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = self._open.get(_host(place))
        if connection is None:
            connection = self._open[_host(place)] = _connect(place)
        target = place.path or "/"
        if place.query:
            target += f"?{place.query}"
        proxy = _proxy(place)
        if proxy is not None and place.scheme == "http":
            target = f"http://{place.netloc.rpartition('@')[2]}{target}"
            headers = {**headers, **_proxy_headers(proxy)}
        connection.request("GET", target, headers=headers)
        return connection.getresponse()

    def _finish(self, response: http.client.HTTPResponse, place: SplitResult) -> None:
        """Make a connection ready for the next request, or close it if much is still to come."""
        if (response.length or 0) > _LONGEST_WORDS:
            self._forget(place)
            return
        with contextlib.suppress(OSError, http.client.HTTPException):
            response.read(_LONGEST_WORDS)

    def _forget(self, place: SplitResult) -> None:
        connection = self._open.pop(_host(place), None)
        if connection is not None:
            connection.close()


class Webs:
    """One `Web` for each thread that asks, so that its connections serve one file after another."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._made: list[Web] = []

    def of_thread(self) -> Web:
        """Return the calling thread's."""
        found: Web | None = getattr(self._own, "web", None)
        if found is None:
            found = self._own.web = Web()
            self._made.append(found)
        return found

    def close(self) -> None:
        """Close all connections; no thread uses one any more."""
        for web in self._made:
            web.drop()


def _host(place: SplitResult) -> _Host:
    usual = 443 if place.scheme == "https" else 80
    return place.scheme, place.hostname or "", place.port or usual


def _connect(place: SplitResult) -> _Connection:
    """Make a connection, by the proxy that the machine has for it; it opens with its request."""
    scheme, host, port = _host(place)
    if scheme not in ("http", "https") or not host:
        raise WebError("the server sends us to an address that is none of the web")
    proxy = _proxy(place)
    reached = (host, port) if proxy is None else (proxy.hostname or "", proxy.port or 3128)
    if scheme == "http":
        return _Quick(*reached, timeout=CONNECT_SECONDS)
    secure = _QuickSecure(*reached, timeout=CONNECT_SECONDS, context=_context())
    if proxy is not None:
        secure.set_tunnel(host, port, headers=_proxy_headers(proxy))
    return secure


class _Quick(http.client.HTTPConnection):
    """One that may be silent for longer than connecting may take."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(SILENT_SECONDS)


class _QuickSecure(http.client.HTTPSConnection):
    """The same, encrypted."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(SILENT_SECONDS)


def _proxy(place: SplitResult) -> SplitResult | None:
    """Return the proxy that this machine's variables name for an address."""
    return _proxy_of(place.scheme, place.netloc.rpartition("@")[2])


@lru_cache(maxsize=100)
def _proxy_of(scheme: str, host: str) -> SplitResult | None:
    found = urllib.request.getproxies_environment()
    named = found.get(scheme) or found.get("all")
    if not named or urllib.request.proxy_bypass(host):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    said = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(said.encode()).decode()}"}


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """Return what checks certificates; a carried Python may not know where this system's are."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        for path in _CERTIFICATES:
            if os.path.exists(path):
                context.load_verify_locations(path)
                break
    return context


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = response.headers
    start, end, total = 0, None, None
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        if found is None or found[1] is None or found[3] == "*":
            raise WebError("the server answers with a part of the file and not with which")
        start, end, total = int(found[1]), int(found[2]) + 1, int(found[3])
    elif response.status == 200 and response.length is not None:
        end = total = response.length
    tag = headers.get("ETag", "").strip()
    version = None
    if total is not None:
        # a weak tag does not promise equal bytes; a part has room for no long one
        tag = "" if tag.startswith("W/") or len(tag) > _LONGEST_TAG else tag
        # where there is a tag it alone decides: servers of one site may differ in the rest
        changed = "" if tag else headers.get("Last-Modified", "").strip()
        version = Version(total, tag, changed if len(changed) <= _LONGEST_TAG else "")
    none_left = _NONE_LEFT.search(headers.get("RateLimit", ""))
    try:
        retry_after = float(none_left[1] if none_left else headers.get("Retry-After", ""))
    except ValueError:
        retry_after = None
    encoded = headers.get("Content-Encoding", "").strip().lower()
    encoded = "" if encoded in ("identity", "none") else encoded
    return Answer(response.status, start, end, version, retry_after, encoded, response)


def _reason(error: BaseException) -> str:
    """Say what went wrong without an address: it may be signed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not valid here ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    refused = _TUNNEL_REFUSED.match(str(error))
    if refused:
        return f"the proxy answers {refused[1]}"
    return type(error).__name__
