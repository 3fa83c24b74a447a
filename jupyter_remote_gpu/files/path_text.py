"""A path of the project as it is said to people, on one line and without tricks.

Names are bytes that anybody may have chosen, a machine that is not trusted
included. What a terminal would obey, what turns the direction of writing, and
what is no text at all is spelt out instead, so that two names never look alike
because something in them cannot be seen. Pure; no I/O.
"""

from __future__ import annotations

import os
import re

_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    r"\U000e0000-\U000e0fff]"
)


def path_text(path: bytes | str, *, is_folder: bool = False) -> str:
    """Return a path, or a name, to be shown; a folder ends with a slash. Never raises."""
    raw = path if isinstance(path, bytes) else os.fsencode(path)
    text = _UNSEEN.sub(_spelt, raw.decode("utf-8", "backslashreplace"))
    return f"{text}/" if is_folder else text


def _spelt(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
