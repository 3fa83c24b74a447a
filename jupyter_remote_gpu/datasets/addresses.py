"""Web addresses: which of their parts are secret, and until when a signed one works."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

# An address is shortened to what its owner may show. Whatever may be a signature or a token is left
# out by name; an address that means the same thing without it stays readable.
_SECRET = re.compile(
    r"token|secret|password|passwd|signature|credential|api.?key|access.?key|security|policy"
    r"|private.?link|key-pair|^(sig|key|auth|jwt|sv|se|sp|sr|st|spr|skoid|sktid|skt|ske|sks|skv)$"
    r"|^x-(amz|goog)-|^(expires|googleaccessid|awsaccesskeyid)$",
    re.IGNORECASE,
)
_TOKENS = re.compile(r"\b(KGAT_|hf_|kaggle_)[A-Za-z0-9_.-]{8,}")
_HEADER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_IN_TEXT = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>`]+", re.IGNORECASE)
_STAMP = "%Y%m%dT%H%M%SZ"


def without_secrets(url: str) -> str:
    """Return an address without user, password, and what signs it in its question part.

    For what is shown or written down. Safe to use twice. Anything that is no
    address comes back as it is; of one that is broken, only how it begins.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition('://')[0]}://…"
    if not parts.query and "@" not in parts.netloc:
        return url
    kept = [
        one for one in parts.query.split("&") if one and not _SECRET.search(one.partition("=")[0])
    ]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(kept)))


def redacted(text: str) -> str:
    """Return a text in which no token of Kaggle or the Hub, and no signed address, can be read."""
    bare = _IN_TEXT.sub(lambda found: without_secrets(found.group()), text)
    return _TOKENS.sub(r"\1***", _HEADER.sub(r"\1 ***", bare))


def expires_at(url: str) -> float | None:
    """Return when a signed address ends, in seconds since the epoch; None if it does not say.

    Knows what Google, Amazon, CloudFront and Azure write into an address.
    """
    said = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    for cloud in ("x-goog", "x-amz"):
        if f"{cloud}-date" in said and f"{cloud}-expires" in said:
            return _after(said[f"{cloud}-date"], said[f"{cloud}-expires"])
    return _moment(said)


def percent_encoded(path: str) -> str:
    """Return a path as it stands in a web address; slashes stay."""
    return quote(path, safe="/")


def _after(begin: str, seconds: str) -> float | None:
    try:
        signed = datetime.strptime(begin, _STAMP).replace(tzinfo=timezone.utc)
        return (signed + timedelta(seconds=int(seconds))).timestamp()
    except (ValueError, OverflowError):
        return None


def _moment(said: Mapping[str, str]) -> float | None:
    if said.get("expires", "").isdigit():
        return float(said["expires"])
    if "sig" not in said or "se" not in said:
        return None
    try:
        ends = datetime.fromisoformat(said["se"].replace("Z", "+00:00"))
    except ValueError:
        return None
    return (ends if ends.tzinfo else ends.replace(tzinfo=timezone.utc)).timestamp()
