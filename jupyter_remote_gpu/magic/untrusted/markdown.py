"""Markdown without HTML, and with links to the web alone.

There is no sanitiser for Markdown, whose dialects differ; so what could
begin HTML or a link is broken up with a space of no width, which shows as
nothing in text and code alike, unless it is of a form that is harmless in
every dialect.
"""

from __future__ import annotations

import re

from .tex import typesetting_only

NOTHING = "\u200b"
"""A space of no width."""

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_WEB = r"https?://[A-Za-z0-9\-._~:/?#@!$*+,;=%]+"
_INLINE_LINK = re.compile(rf"\](?=\((?!{_WEB}[)\s])(?!data:image/))")
_DEFINITION = re.compile(rf"\](?=:(?!\s*{_WEB}(?:\s|\Z)))")
_IMAGE = re.compile(
    r"!\[(?P<alt>[^\[\]\n]{0,1000})\]"
    r"\((?P<address>data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+)\)"
)
_DATA_LINK = re.compile(r"\](?=\(data:image/)")
_HELD = "\ue000{}\ue001"
_BACK = re.compile("\ue000(\\d+)\ue001")


def harmless(text: str) -> str:
    """Return the same Markdown, its HTML shown as text, its odd links and far images broken up."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        alt = _TAG.sub(f"<{NOTHING}", found.group("alt"))
        held.append(f"![{alt}]({found.group('address')})")
        return _HELD.format(len(held) - 1)

    text = _IMAGE.sub(hold, text.replace("\ue000", "").replace("\ue001", ""))
    text = text.replace("![", "[")
    text = _TAG.sub(f"<{NOTHING}", typesetting_only(text))
    for link in (_INLINE_LINK, _DATA_LINK, _DEFINITION):
        text = link.sub(f"]{NOTHING}", text)
    return _BACK.sub(lambda found: held[int(found.group(1))], text)
