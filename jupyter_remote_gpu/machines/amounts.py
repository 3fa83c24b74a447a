"""Amounts as people write them: gigabytes, dollars an hour, times, counts."""

from __future__ import annotations

import math
import re

from jupyter_remote_gpu.errors import RequestError

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_GIGABYTES = re.compile(_NUMBER + r"\s*(?:gi?b?)?", re.IGNORECASE)
_DOLLARS = re.compile(r"\$?\s*" + _NUMBER + r"\s*(?:usd)?\s*(?:/\s*(?:h|hr|hour))?", re.IGNORECASE)
_TIME = re.compile(
    rf"(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m(?:in)?)?\s*(?:{_NUMBER}\s*s?)?", re.IGNORECASE
)


def gigabytes(text: str, *, word: str) -> float:
    """Return the GB that "40", "40GB" or "23.5 g" mean; RequestError names the flag `word`."""
    return _amount(_GIGABYTES, text, word, "a number of gigabytes, such as 40 or 40GB")


def dollars(text: str, *, word: str) -> float:
    """Return the dollars an hour that "1.5", "$1.50" or "1.5/h" mean."""
    return _amount(_DOLLARS, text, word, "a price in dollars an hour, such as 1.50")


def seconds(text: str, *, word: str) -> float:
    """Return the seconds that "90", "90s", "10m", "1h30m" mean; more than none."""
    found = _TIME.fullmatch(text.strip()) if text.strip() else None
    if found is None:
        raise _not_understood(text, word, "a time, such as 90s, 10m or 1h30m")
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return _positive(hours * 3600 + minutes * 60 + rest, text, word)


def whole(text: str, *, word: str, most: int) -> int:
    """Return the whole number from 1 to `most` that `text` is."""
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= most:
        raise _not_understood(text, word, f"a whole number from 1 to {most}")
    return int(text)


def _amount(pattern: re.Pattern[str], text: str, word: str, wanted: str) -> float:
    found = pattern.fullmatch(text.strip())
    if found is None:
        raise _not_understood(text, word, wanted)
    return _positive(float(found.group(1)), text, word)


def _positive(amount: float, text: str, word: str) -> float:
    if amount <= 0 or math.isinf(amount):
        raise _not_understood(text, word, "something more than nothing")
    return amount


def _not_understood(text: str, word: str, wanted: str) -> RequestError:
    return RequestError(f"{word} was given '{text}'; it takes {wanted}.")
