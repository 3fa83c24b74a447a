"""Secrets by the look of small files: private keys and credentials under any name.

A file that is a secret is left out. A program that has a token written into it
is sent, since it would not run without, and told. Pure; no I/O.
"""

from __future__ import annotations

import re

LOOKED_AT_BYTES = 64 * 1024
"""Larger files are data; keys and credentials are small."""

_TOKENS: tuple[tuple[bytes, re.Pattern[bytes], str], ...] = (
    (b"AKIA", re.compile(rb"\bAKIA[0-9A-Z]{16}\b"), "an AWS access key"),
    (b"ghp_", re.compile(rb"\bghp_[A-Za-z0-9]{36}\b"), "a GitHub token"),
    (b"github_pat_", re.compile(rb"\bgithub_pat_\w{60,}"), "a GitHub token"),
    (b"hf_", re.compile(rb"\bhf_[A-Za-z0-9]{34,}\b"), "a Hugging Face token"),
    (b"sk-", re.compile(rb"\bsk-[A-Za-z0-9_-]{32,}"), "an API key"),
    (b"xox", re.compile(rb"\bxox[abprs]-[0-9A-Za-z-]{20,}"), "a Slack token"),
    (b"AIza", re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b"), "a Google API key"),
)
_KEY = b"PRIVATE KEY"
_KEY_BLOCK = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=\s:]{64}"
)
_SERVICE = re.compile(rb'"type"\s*:\s*"(service_account|authorized_user)"')
_KAGGLE = re.compile(rb'"username"\s*:\s*"[^"]+"[\s,]*"key"\s*:\s*"[0-9a-f]{32}"')
_PROGRAMS = (
    b".py",
    b".ipynb",
    b".sh",
    b".js",
    b".ts",
    b".c",
    b".cc",
    b".cpp",
    b".h",
    b".rs",
    b".go",
    b".r",
    b".jl",
    b".md",
    b".rst",
    b".tex",
    b".html",
    b".csv",
    b".tsv",
)


def is_secret(path: bytes, data: bytes) -> str | None:
    """Return what makes this small file a secret, in words; None if nothing does."""
    if len(data) > LOOKED_AT_BYTES or path.endswith(_PROGRAMS):
        return None
    if _KEY in data and _KEY_BLOCK.search(data):
        return "holds a private key"
    if data.lstrip()[:1] == b"{":
        if _SERVICE.search(data):
            return "holds credentials of a cloud account"
        if _KAGGLE.search(data):
            return "holds a Kaggle key"
    found = _token(data)
    # A configuration of any size may mention a token; one that is mostly that is a credential.
    return f"holds {found}" if found is not None and len(data) < 4096 else None


def token_inside(path: bytes, data: bytes) -> str | None:
    """Return which kind of token is written into a small file that travels; None if none is."""
    if len(data) > LOOKED_AT_BYTES:
        return None
    if path.endswith(_PROGRAMS) and _KEY in data and _KEY_BLOCK.search(data):
        return "a private key"
    return _token(data)


def _token(data: bytes) -> str | None:
    for start, pattern, what in _TOKENS:
        if start in data and pattern.search(data):
            return what
    return None
