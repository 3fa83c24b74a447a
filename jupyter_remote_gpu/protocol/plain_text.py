"""Text from the other side that cannot speak to a terminal.

A terminal obeys what stands in a text: it sets titles, fills the clipboard
(OSC 52), hides links (OSC 8), moves over what was written before. Text that a
machine sends is cleaned here before anything prints it. Pure; no I/O.
"""

from __future__ import annotations

import re

CUT_MARK = " … (cut)"

# One alternative a kind of sequence, the longest first; what is left of a broken one is the
# last alternative's. SGR (`\x1b[…m`) is the one that `coloured` puts back.
_SEQUENCE = re.compile(
    r"(?P<sgr>\x1b\[[0-9;:]{0,64}m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS…
    r"|\x1b[ -/]*[0-~]"  # two and three characters
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def coloured(text: str) -> str:
    """Return a text with its colours, line ends, tabs, `\\r` and `\\b`, and no other control.

    For what a cell prints and for tracebacks: progress bars go on working.
    """
    if _UNPRINTABLE.search(text) is None:
        return text
    return _SEQUENCE.sub(_colour, text)


def plain(text: str, longest: int) -> str:
    """Return at most `longest` characters of a text, with no control but tab and newline.

    For names, messages and prompts: not even a colour, and nothing that
    turns the direction of what follows.
    """
    cleaned = _CONTROL.sub("", _SEQUENCE.sub("", text[: 4 * longest]))
    if len(cleaned) > longest:
        return cleaned[: max(0, longest - len(CUT_MARK))] + CUT_MARK
    return cleaned


def _colour(found: re.Match[str]) -> str:
    return found.group("sgr") or ""
