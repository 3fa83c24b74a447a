"""The little CSS that tables need, and no more: what is not listed here is left out.

A style sheet reaches the whole page: it can hide a warning, cover a button,
and send what is on the page to an address. So a rule must begin with the id
of its own table (which is what pandas' Styler writes), a property must be
known, and a value consists of words, numbers and colours.
"""

from __future__ import annotations

import re

PROPERTIES = frozenset(
    """
    background background-color border border-bottom border-bottom-color border-bottom-style
    border-bottom-width border-collapse border-color border-left border-left-color
    border-left-style border-left-width border-radius border-right border-right-color
    border-right-style border-right-width border-spacing border-style border-top border-top-color
    border-top-style border-top-width border-width caption-side color display float font-family
    font-size font-style font-variant font-weight height line-height list-style-type margin
    margin-bottom margin-left margin-right margin-top max-height max-width min-height min-width
    opacity overflow overflow-x overflow-y padding padding-bottom padding-left padding-right
    padding-top table-layout text-align text-decoration text-transform vertical-align white-space
    width word-break
    """.split()
)
FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "linear-gradient"})
LONGEST_VALUE = 1000
LONGEST_SHEET = 5_000_000

# No quotes, backslashes, `@`, `<`, braces: nothing that begins something else.
_VALUE = re.compile(r"[\w\s.,#%()!/+-]*\Z", re.ASCII)
_FUNCTION = re.compile(r"([\w-]*)\s*\(", re.ASCII)
# What is pulled over its neighbours can pretend to be them.
_NEGATIVE = re.compile(r"(?:^|[\s,(])-\s*[\d.]")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_SELECTOR = re.compile(r"#T_\w+[\w\s.>:()#-]*\Z", re.ASCII)
_TABLE_ID = re.compile(r"#(?=T_)")
_ORDINARY = re.compile(r"\s*\.dataframe\b")
"""What pandas and polars say about every table; front ends have their own style for those."""


def declarations(text: str) -> str:
    """Return those declarations of a `style` attribute that may pass."""
    kept = []
    for declaration in text.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name in PROPERTIES and _harmless(value):
            kept.append(f"{name}: {value}")
    return "; ".join(kept)


def sheet(text: str, prefix: str) -> tuple[str, bool]:
    """Return the rules of a style sheet that may pass, and whether another one was left out.

    The ids of tables get the `prefix`, as those in the HTML do.
    """
    if len(text) > LONGEST_SHEET:
        return "", True
    kept = []
    text = _COMMENT.sub("", text)
    lost = bool(_RULE.sub("", text).strip())
    for selectors, body in _RULE.findall(text):
        wanted = [s.strip() for s in selectors.split(",") if _ORDINARY.match(s) is None]
        passed = [_TABLE_ID.sub(f"#{prefix}", s) for s in wanted if _SELECTOR.match(s)]
        lost = lost or len(passed) < len(wanted)
        rules = declarations(body)
        if passed and rules:
            kept.append(f"{', '.join(passed)} {{ {rules} }}")
    return "\n".join(kept), lost


def _harmless(value: str) -> bool:
    return (
        len(value) <= LONGEST_VALUE
        and _VALUE.match(value) is not None
        and _NEGATIVE.search(value) is None
        and all(name in FUNCTIONS for name in _FUNCTION.findall(value))
    )
