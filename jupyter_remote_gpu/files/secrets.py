"""Secrets by the look of small files: private keys and credentials under any name.

A file that is a secret is left out. A program that has a token written into it
is sent, since it would not run without, and told. Pure; no I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LOOKED_AT_BYTES = 32 * 1024
"""Larger files are data; keys and credentials are small."""
_MOSTLY_THAT_BYTES = 4096

_TOKENS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\bAKIA[0-9A-Z]{16}\b"), "an AWS access key"),
    (re.compile(rb"\bghp_[A-Za-z0-9]{36}\b"), "a GitHub token"),
    (re.compile(rb"\bgithub_pat_\w{60,}"), "a GitHub token"),
    (re.compile(rb"\bhf_[A-Za-z0-9]{34,}\b"), "a Hugging Face token"),
    (re.compile(rb"\bsk-[A-Za-z0-9_-]{32,}"), "an API key"),
    (re.compile(rb"\bxox[abprs]-[0-9A-Za-z-]{20,}"), "a Slack token"),
    (re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b"), "a Google API key"),
)
# What every token has in it, said so that each pattern begins with one rare letter: such a pattern
# is looked for at the speed of memory, and nearly all files are done with after these.
_LONG_HINT = b"github_pat_"
_HINTS = tuple(
    re.compile(hint)
    for hint in (
        rb"A(?=KIA[0-9A-Z]{16}|Iza[0-9A-Za-z_-]{35})",
        rb"h(?=(?:p_[A-Za-z0-9]{36}|f_[A-Za-z0-9]{34}))",
        rb"k(?=-[A-Za-z0-9_-]{32})",
        rb"x(?=ox[abprs]-[0-9A-Za-z-]{20})",
    )
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


@dataclass(frozen=True, slots=True)
class Look:
    """What a small file looks like, in words: a secret itself, or a program that holds a token."""

    secret: str | None = None
    token: str | None = None


def look(path: bytes, data: bytes) -> Look:
    """Return what there is of secrets in a file; nothing is found in a large one."""
    if len(data) > LOOKED_AT_BYTES:
        return _NOTHING
    is_program = path.endswith(_PROGRAMS)
    if _KEY in data and _KEY_BLOCK.search(data):
        if is_program:
            return Look(token="a private key")
        return Look(secret="holds a private key")
    if not is_program and data.lstrip()[:1] == b"{":
        if _SERVICE.search(data):
            return Look(secret="holds credentials of a cloud account")
        if _KAGGLE.search(data):
            return Look(secret="holds a Kaggle key")
    found = _token(data)
    if found is None:
        return _NOTHING
    # A configuration may mention a token; one that is mostly that is a credential.
    if not is_program and len(data) <= _MOSTLY_THAT_BYTES:
        return Look(secret=f"holds {found}")
    return Look(token=found)


_NOTHING = Look()


def _token(data: bytes) -> str | None:
    if _LONG_HINT not in data and not any(hint.search(data) for hint in _HINTS):
        return None
    for pattern, what in _TOKENS:
        if pattern.search(data):
            return what
    return None
