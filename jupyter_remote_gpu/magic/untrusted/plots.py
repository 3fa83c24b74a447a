"""Plots as data: JSON for the page's own renderers, without the addresses they would load from.

A renderer that follows an address in a plot fetches it with the user's own
rights, and Vega can put what it has read into the address of a picture. So
no address stays in a plot; the data has to be in it.
"""

from __future__ import annotations

import re
from typing import Any

from jupyter_remote_gpu.protocol.bounded_json import within
from jupyter_remote_gpu.protocol.plain_text import coloured

MAX_DEPTH = 60
MAX_VALUES = 2_000_000

_VEGA = re.compile(r"application/vnd\.vega(?:lite)?\.v\d\+json\Z", re.ASCII)
_PLOTLY = "application/vnd.plotly.v1+json"
_MAP = "application/geo+json"
_JSON = "application/json"
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,", re.ASCII)
_ADDRESSES = {"url", "href", "source", "plotlyServerURL", "topojsonURL", "baseURL", "loader"}
_SETTINGS = {"displayModeBar", "responsive", "scrollZoom", "staticPlot"}


def is_plot(kind: str) -> bool:
    """Whether a mime type is JSON that a renderer of the page shows."""
    return kind in (_PLOTLY, _MAP, _JSON) or _VEGA.match(kind) is not None


def as_data(kind: str, value: Any) -> tuple[Any, bool]:
    """Return the JSON that may be shown as a plot of this kind, and whether parts of it went.

    None if it is nested too deeply, too large, or no object where one must be.
    """
    if not within(value, MAX_DEPTH, MAX_VALUES):
        return None, True
    if kind == _JSON:
        return _texts(value), False
    if not isinstance(value, dict):
        return None, True
    if kind == _MAP:
        return _escaped(value), False
    value = dict(value)
    config = value.pop("usermeta" if kind != _PLOTLY else "config", None)
    lost: list[str] = []
    value = _without_addresses(value, lost)
    if kind == _PLOTLY and isinstance(config, dict):
        value["config"] = {k: v for k, v in config.items() if k in _SETTINGS and type(v) is bool}
    return value, bool(lost)


def _without_addresses(value: Any, lost: list[str]) -> Any:
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            if key in _ADDRESSES and not (isinstance(item, str) and _PICTURE.match(item)):
                lost.append(key)
            else:
                kept[key] = _without_addresses(item, lost)
        return kept
    if isinstance(value, list):
        return [_without_addresses(item, lost) for item in value]
    return coloured(value) if isinstance(value, str) else value


def _escaped(value: Any) -> Any:
    """Return a map whose texts are no HTML: JupyterLab writes a feature's properties as such."""
    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, str):
        return coloured(value).replace("<", "‹").replace(">", "›")
    return value


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {coloured(key): _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return coloured(value) if isinstance(value, str) else value
