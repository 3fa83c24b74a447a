"""Addresses of indexes and files, which may hold passwords that go nowhere."""

from __future__ import annotations

import re

# user:password@, token@ and ${VARIABLE}@ before the host of an address. The user of ssh://git@host
# is no secret and needed.
_CREDENTIALS = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)(?<!ssh://)[^/\s@'\"`]+@")
_SSH_PASSWORD = re.compile(r"(\b(?:[a-zA-Z0-9+.-]*\+)?ssh://[^/\s@:'\"`]+):[^/\s@'\"`]+@")
# Signed links and tokens in what follows a question mark.
_SIGNED = re.compile(
    r"([?&](?:[^=&\s]*(?:token|key|secret|password|signature|sig|auth|credential)[^=&\s]*)=)[^&#\s'\"`]+",
    re.IGNORECASE,
)


def without_credentials(text: str) -> str:
    """Return a text in which no address holds a user, password or token any more.

    For what leaves this computer: locks, messages, logs. Safe to use twice.
    """
    bare = _SSH_PASSWORD.sub(r"\1@", _CREDENTIALS.sub(r"\1", text))
    return _SIGNED.sub(r"\1***", bare)


def holds_credentials(text: str) -> bool:
    """Say whether `without_credentials` would change a text."""
    return without_credentials(text) != text
