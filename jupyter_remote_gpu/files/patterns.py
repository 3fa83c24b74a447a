"""The pattern language of `.gitignore`, matched one entry at a time as Git matches it.

Git asks of each entry on the way down whether it is ignored, and never looks
into a folder that is. So a pattern is asked here about one path and whether that
is a folder; a match of a parent is no match. (`pathspec` answers for a whole path
at once, and therefore differs from Git: under `*`, `!*/`, `!*.py` it takes every
folder as ignored. The tests compare this file with `git check-ignore`.)
Names are bytes, as for Git. Pure; no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"\x21-\x7e",
    b"lower": rb"a-z",
    b"print": rb"\x20-\x7e",
    b"punct": rb"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    b"space": rb" \t\n\r\x0b\x0c",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}
_MAX_PATTERN_BYTES = 4096
_SPECIAL = re.compile(rb"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file."""

    text: bytes
    line: int
    negated: bool
    folders_only: bool
    name_only: bool
    """Matched against the last name of a path rather than all of it."""
    regex: re.Pattern[bytes]

    def matches(self, path: bytes, name: bytes, *, is_folder: bool) -> bool:
        """Whether this line speaks of `path`, relative to its ignore file; `name` is its end."""
        if self.folders_only and not is_folder:
            return False
        return self.regex.fullmatch(name if self.name_only else path) is not None


class Patterns:
    """The lines of one ignore file; the last one that matches decides."""

    def __init__(self, text: bytes) -> None:
        self._last_first = list(_parsed(text))[::-1]
        # Most names match nothing, and that is found out by one regular expression.
        joined = b"|".join(
            b"(?:" + pattern.regex.pattern + b")" for pattern in self._last_first if _plain(pattern)
        )
        self._names = re.compile(joined, re.DOTALL) if joined else None
        self._others = [pattern for pattern in self._last_first if not _plain(pattern)]

    def __len__(self) -> int:
        """Return how many lines say something."""
        return len(self._last_first)

    def match(self, path: bytes, *, is_folder: bool) -> Pattern | None:
        """Return the line that decides about `path`, relative to this file; None if none does."""
        name = path[path.rfind(b"/") + 1 :]
        lines = self._last_first
        if self._names is None or self._names.fullmatch(name) is None:
            lines = self._others
        for pattern in lines:
            if pattern.matches(path, name, is_folder=is_folder):
                return pattern
        return None


def _plain(pattern: Pattern) -> bool:
    """Whether a pattern may be joined with others: its groups would clash if it had any."""
    return pattern.name_only and not pattern.regex.groups


def _parsed(text: bytes) -> Iterator[Pattern]:
    for number, line in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        pattern = _pattern(line.removesuffix(b"\r"), number)
        if pattern is not None:
            yield pattern


def _pattern(line: bytes, number: int) -> Pattern | None:
    if line.startswith(b"#") or len(line) > _MAX_PATTERN_BYTES:
        return None
    body = _without_trailing_spaces(line)
    negated = body.startswith(b"!")
    body = body[1:] if negated else body
    folders_only = body.endswith(b"/")
    body = body[:-1] if folders_only else body
    if not body:
        return None
    name_only = b"/" not in body
    try:
        source = translated(body.removeprefix(b"/"))
    except ValueError:
        return None  # Git, too, takes an unfinished pattern as one that matches nothing
    regex = re.compile(source, re.DOTALL)
    return Pattern(line, number, negated, folders_only, name_only, regex)


def _without_trailing_spaces(line: bytes) -> bytes:
    """Remove spaces at the end that no backslash protects."""
    end = len(line)
    while end and line[end - 1 : end] == b" ":
        slashes = end - 1 - len(line[: end - 1].rstrip(b"\\"))
        if slashes % 2:
            break
        end -= 1
    return line[:end]


def translated(glob: bytes) -> bytes:
    """Return the regular expression of a pattern, to be matched in full.

    A star takes as little as it can and never reconsiders: what follows it in
    its own part of the path is best found as early as possible. So no pattern
    takes exponential time. Raises ValueError if the pattern is unfinished.
    """
    out: list[bytes] = []
    run: list[bytes] = []  # what follows the last star
    star = False
    groups = 0

    def close(*, last: bool) -> None:
        nonlocal star, groups
        fixed = b"".join(run)
        run.clear()
        if not star:
            out.append(fixed)
        elif last:
            out.append(b"[^/]*" + fixed)
        else:
            groups += 1
            out.append(b"(?=([^/]*?%s))\\%d" % (fixed, groups))
        star = False

    at = 0
    while at < len(glob):
        at, token = _token(glob, at)
        if token == b"*":
            close(last=False)
            star = True
        elif token in (_ANY_FOLDERS, _ANYTHING):
            # Behind it things may lie at several depths: what was found so far must not move on,
            # but it need not: a star stays within its own part of the path.
            close(last=True)
            out.append(token)
        else:
            run.append(token)
    close(last=True)
    return b"".join(out)


_ANY_FOLDERS = b"(?:.*/)?"
_ANYTHING = b".*"


def _token(glob: bytes, at: int) -> tuple[int, bytes]:
    """Return where the next token begins, and the regular expression of this one."""
    char = glob[at : at + 1]
    if char == b"*":
        return _stars(glob, at)
    if char == b"?":
        return at + 1, b"[^/]"
    if char == b"[":
        return _bracket(glob, at)
    if char == b"\\":
        if at + 1 == len(glob):
            raise ValueError("ends with a backslash")
        return at + 2, re.escape(glob[at + 1 : at + 2])
    return at + 1, re.escape(char)


def _stars(glob: bytes, at: int) -> tuple[int, bytes]:
    end = at
    while glob[end : end + 1] == b"*":
        end += 1
    # Git matches what stands before the first special character by itself, and then takes the
    # rest for a pattern of its own.
    begins = at == 0 or glob[at - 1 : at] == b"/" or not _SPECIAL.search(glob[:at])
    if end - at == 1 or not begins or glob[end : end + 1] not in (b"", b"/"):
        return end, b"*"
    if end == len(glob):
        return end, _ANYTHING
    return end + 1, _ANY_FOLDERS


def _bracket(glob: bytes, at: int) -> tuple[int, bytes]:
    """Translate `[…]`, which never matches a slash."""
    at += 1
    negated = glob[at : at + 1] in (b"!", b"^")
    at += negated
    parts: list[bytes] = []
    first = True
    while first or glob[at : at + 1] != b"]":
        if at >= len(glob):
            raise ValueError("a bracket is not closed")
        first = False
        if glob[at : at + 2] == b"[:":
            at, part = _named_class(glob, at)
        else:
            at, part = _range(glob, at)
        parts.append(part)
    inside = b"".join(parts)
    if negated:
        return at + 1, b"(?!/)[^" + inside + b"]"
    return at + 1, b"(?!/)[" + inside + b"]" if inside else b"(?!)"


def _named_class(glob: bytes, at: int) -> tuple[int, bytes]:
    end = glob.find(b"]", at + 2)
    name = glob[at + 2 : end - 1]
    if end < 0 or glob[end - 1 : end] != b":":
        return at + 1, rb"\["
    if name not in _CLASSES:
        raise ValueError("no such class of characters")
    return end + 1, _CLASSES[name]


def _range(glob: bytes, at: int) -> tuple[int, bytes]:
    at, low = _member(glob, at)
    if glob[at : at + 1] != b"-" or glob[at + 1 : at + 2] in (b"]", b""):
        return at, _escaped(low)
    at, high = _member(glob, at + 1)
    return at, _escaped(low) + b"-" + _escaped(high) if low <= high else b""


def _member(glob: bytes, at: int) -> tuple[int, bytes]:
    if glob[at : at + 1] == b"\\":
        at += 1
    char = glob[at : at + 1]
    if not char:
        raise ValueError("a bracket is not closed")
    return at + 1, char


def _escaped(char: bytes) -> bytes:
    return b"\\x%02x" % char[0]
