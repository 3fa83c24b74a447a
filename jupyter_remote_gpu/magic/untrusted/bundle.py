"""What is displayed: one thing in several mime types, each looked at by its own rules."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.protocol.bounded_json import is_number
from jupyter_remote_gpu.protocol.plain_text import coloured

from . import html, images, markdown, plots
from .permission import PagePermission
from .remarks import Remarks
from .tex import typesetting_only

WIDGET = "application/vnd.jupyter.widget-view+json"
LONGEST_TEXT = 20_000_000
MOST_TYPES = 20

_SVG = "image/svg+xml"
_SCRIPTS = "application/javascript"
_NO_TEXT = re.compile(r"\s*<(?:IPython\.core\.display|\w+(?:\.\w+)* object)")
"""A text that says nothing: HTML without its styles still says more."""


class Bundles:
    """Looks at bundles of one machine.

    `owns` tells whether a widget is that machine's. Used by one thread at a
    time; `nh3` is imported with the first HTML.
    """

    def __init__(
        self, prefix: str, remarks: Remarks, permission: PagePermission, owns: Callable[[str], bool]
    ) -> None:
        self._prefix = prefix
        self._remarks = remarks
        self._permission = permission
        self._owns = owns

    def clean(
        self, data: dict[str, Any], metadata: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the data and metadata that may be shown; the data may be empty."""
        if self._permission.allowed:
            return data, {**_allowed_metadata(metadata, data)}
        kept: dict[str, Any] = {}
        for kind in list(data)[:MOST_TYPES]:
            found = self._one(kind, data[kind])
            if found is not None:
                kept[kind] = found
        self._picture_of_svg(data, kept)
        self._prefer_text(kept)
        kept.pop("", None)
        return kept, _allowed_metadata(metadata, kept)

    def _one(self, kind: str, value: Any) -> Any:
        """Return what may be shown of one mime type; None leaves it out."""
        if kind in _TEXTS:
            return self._text(kind, value)
        if kind in images.KINDS:
            if images.is_picture(kind, value):
                return value
            self._remarks.note(kind, f"a picture that is no {kind}, or too large, was left out")
        elif plots.is_plot(kind):
            return self._plot(kind, value)
        elif kind == WIDGET:
            return self._widget(value)
        elif kind == _SCRIPTS:
            self._remarks.note(
                kind, "its scripts do not reach the page; `%remote_gpu allow-scripts` lets them"
            )
        elif kind != _SVG:
            self._remarks.note(kind, f"what it shows as {kind!r:.100} is left out")
        return None

    def _text(self, kind: str, value: Any) -> Any:
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            value = "".join(value)
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            self._remarks.note(f"{kind} size", f"a {kind} of more than 20 MB was left out")
            return None
        if kind == "text/html":
            return self._html(value)
        cleaned = _TEXTS[kind](value)
        if kind != "text/plain" and cleaned != value:
            self._remarks.note(kind, f"links, commands or HTML in its {kind} are shown as text")
        return cleaned

    def _html(self, value: str) -> Any:
        cleaned = html.clean(value, self._prefix)
        if cleaned.active:
            self._remarks.note(
                "html",
                "scripts, frames, forms, drawings and far pictures were taken out of its HTML;"
                " `%remote_gpu allow-scripts` lets them in",
            )
        return _Unstyled(cleaned.html) if cleaned.unstyled else cleaned.html

    def _plot(self, kind: str, value: Any) -> Any:
        found, lost = plots.as_data(kind, value)
        if found is None:
            self._remarks.note(f"{kind} size", f"a plot ({kind:.60}) is too large to be looked at")
        elif lost:
            self._remarks.note(kind, "addresses that its plots load from were taken out")
        return found

    def _widget(self, value: Any) -> Any:
        model = value.get("model_id") if isinstance(value, dict) else None
        if isinstance(model, str) and self._owns(model):
            return {"version_major": 2, "version_minor": 0, "model_id": model}
        self._remarks.note("view", "views of widgets that are not among its own were left out")
        return None

    def _picture_of_svg(self, data: dict[str, Any], kept: dict[str, Any]) -> None:
        """Show a drawing as a picture: in an `<img>` no script of it runs and nothing is loaded."""
        drawing = data.get(_SVG)
        if drawing is None or "text/html" in kept or images.KINDS & kept.keys():
            return
        if isinstance(drawing, list):
            drawing = "".join(line for line in drawing if isinstance(line, str))
        if not isinstance(drawing, str) or len(drawing) > LONGEST_TEXT or "<!ENTITY" in drawing:
            self._remarks.note(_SVG, "a drawing that is too large or defines entities was left out")
            return
        text = base64.b64encode(drawing.encode("utf-8", "replace")).decode("ascii")
        kept["text/html"] = f'<img src="data:image/svg+xml;base64,{text}">'

    def _prefer_text(self, kept: dict[str, Any]) -> None:
        """Leave out HTML that needed its own style sheet, where the plain text says the same."""
        found, text = kept.get("text/html"), kept.get("text/plain", "")
        if isinstance(found, _Unstyled) and text.strip() and not _NO_TEXT.match(text):
            del kept["text/html"]
            self._remarks.note("style", "HTML that brings a style sheet is shown as plain text")
        elif isinstance(found, _Unstyled):
            kept["text/html"] = str(found)


class _Unstyled(str):
    """HTML whose style sheet could not be kept."""


_TEXTS: dict[str, Callable[[str], str]] = {
    "text/plain": coloured,
    "text/html": lambda text: text,
    "text/markdown": lambda text: markdown.harmless(coloured(text)),
    "text/latex": lambda text: typesetting_only(coloured(text)),
}


def _allowed_metadata(metadata: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return what metadata may say: how large a picture is, and what it needs behind it."""
    found: dict[str, Any] = {}
    for kind in images.KINDS & data.keys():
        about = metadata.get(kind)
        if isinstance(about, dict):
            sizes = {k: about[k] for k in ("width", "height") if is_number(about.get(k))}
            ground = about.get("needs_background")
            if ground in ("light", "dark"):
                sizes["needs_background"] = ground
            if about.get("unconfined") is True:
                sizes["unconfined"] = True
            found[kind] = sizes
    return found
