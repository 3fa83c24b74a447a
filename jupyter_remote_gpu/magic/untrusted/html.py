"""HTML that only shows: cleaned by nh3, with the attributes and styles that tables need.

nh3 (the Rust library ammonia) parses as a browser does and writes anew what
is on the lists below. Its lists know names; what a class, an id, an address
or a style may say is decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import css
from .tex import typesetting_only

LONGEST = 20_000_000

TAGS = frozenset(
    """
    a abbr b blockquote br caption center cite code col colgroup dd del details div dl dt em
    figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre progress q s samp
    section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u
    ul var wbr
    """.split()
)
CUT_OUT = frozenset(
    """
    applet audio button canvas dialog embed form frame frameset head iframe input math noscript
    object option script select style svg template textarea title video
    """.split()
)
"""What goes with all that stands in it."""

_EVERYWHERE = frozenset({"align", "class", "dir", "id", "lang", "style", "title"})
_ATTRIBUTES = {
    "a": {"href"},
    "col": {"span", "width"},
    "details": {"open"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start"},
    "progress": {"max", "value"},
    "table": {"border"},
    "td": {"colspan", "rowspan", "valign"},
    "th": {"colspan", "rowspan", "scope", "valign"},
}
_STYLE_SHEET = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.IGNORECASE | re.DOTALL)
_ACTIVE = re.compile(
    r"<\s*(?:" + "|".join(sorted(CUT_OUT - {"style", "head", "title"})) + r"|link|meta|base)\b"
    r"|[\s\"'/]on[a-z]+\s*=|javascript:|<img[^>]+src\s*=\s*[\"']?\s*(?!data:|[\"'\s])",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x20<>\"'`\\]*\Z", re.IGNORECASE)
_PICTURE = re.compile(
    r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+\Z", re.ASCII
)
_CLASS = re.compile(
    r"(?:dataframe|data|blank|(?:row|col)_(?:heading|trim)|index_(?:name|col)"
    r"|(?:row|col|level)\d+|tex2jax_ignore|mathjax_ignore)\Z",
    re.ASCII,
)
_ID = re.compile(r"T_\w{1,100}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`html` may be shown. `active` tells whether anything was in it that acts in a page,
    `unstyled` whether a style sheet had to go without which it may read badly."""

    html: str
    active: bool
    unstyled: bool


def clean(text: str, prefix: str) -> Cleaned:
    """Return HTML with nothing in it that acts, loads, or reaches beyond its own output.

    Ids of styled tables get the `prefix`, by which machines cannot reach each
    other's. Blocks for about a second for 20 MB; longer texts come back empty.
    """
    if len(text) > LONGEST:
        return Cleaned("", active=True, unstyled=False)
    import nh3

    sheets = "\n".join(_STYLE_SHEET.findall(text))
    rules, unstyled = css.sheet(sheets, prefix) if sheets else ("", False)

    def attribute(tag: str, name: str, value: str) -> str | None:
        return _attribute(name, value, prefix)

    html = nh3.clean(
        _STYLE_SHEET.sub("", text),
        tags=set(TAGS),
        clean_content_tags=set(CUT_OUT),
        attributes={"*": set(_EVERYWHERE), **_ATTRIBUTES},
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )
    html = typesetting_only(html)
    if rules:
        html = f'<style type="text/css">\n{rules}\n</style>\n{html}'
    return Cleaned(html, _ACTIVE.search(text) is not None, unstyled)


def _attribute(name: str, value: str, prefix: str) -> str | None:
    """Return what an attribute may say; None leaves it out."""
    if name == "href":
        return value.strip() if _ADDRESS.match(value.strip()) else None
    if name == "src":
        return value if _PICTURE.match(value) else None
    if name == "style":
        return css.declarations(value) or None
    if name == "class":
        return " ".join(word for word in value.split() if _CLASS.match(word)) or None
    if name == "id":
        return prefix + value if _ID.match(value) else None
    return value
