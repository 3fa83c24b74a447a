"""What a widget's state may hold, when it comes from a machine that is not trusted.

A widget's model is made in the page from the module it names, and each trait
goes where the widget's own code puts it: some as HTML, some as an address,
some as a reference to another widget. Pure; `comms` knows which widgets are
the machine's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.protocol.plain_text import coloured

from . import html
from .bundle import Bundles
from .tex import typesetting_only

CORE = frozenset({"@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output"})
REFERENCE = "IPY_MODEL_"
MOST_TRAITS = 300
MOST_OUTPUTS = 5000
LONGEST_TEXT = 20_000_000

_CLASSES = ("_model_module", "_view_module", "_model_name", "_view_name")
_VERSIONS = ("_model_module_version", "_view_module_version")
_CLASS_NAME = re.compile(r"[A-Z][A-Za-z]{0,60}(?:Model|View)\Z")
_VERSION = re.compile(r"[\w.^~*-]{1,20}\Z", re.ASCII)
_TAG = re.compile(r"<[A-Za-z/!?]|&#?\w+;")
_DOM_CLASS = re.compile(r"(?:widget|jupyter-widgets?|jupyter-button|p|mod)-[\w-]{1,60}\Z", re.ASCII)
_FORMAT = re.compile(r"(?!url\Z)[a-z0-9.+-]{1,20}\Z")
_STYLE_MODELS = re.compile(r"(?:Layout|\w*Style)Model\Z")
_LOADS = re.compile(r"[\\@<>]|\(\s*(?![\d-]|var\b)|url|image|expression", re.IGNORECASE)
_HTML_MODELS = frozenset({"HTMLModel", "HTMLMathModel"})
_HTML_VIEWS = frozenset({"HTMLView", "HTMLMathView"})
_MEDIA_MODELS = frozenset({"ImageModel", "AudioModel", "VideoModel"})

Owns = Callable[[str], bool]


def module_of(state: dict[str, Any]) -> str:
    """Return the first module a new widget names that is none of the core ones, or nothing."""
    for key in ("_model_module", "_view_module"):
        module = state.get(key)
        if module is not None and not (isinstance(module, str) and module in CORE):
            return str(module)[:100] or "no name"
    return ""


def is_core(state: dict[str, Any]) -> bool:
    """Whether a new widget is made of classes of the core modules alone."""
    named = [state.get(key) for key in ("_model_name", "_view_name")]
    return (
        isinstance(state.get("_model_name"), str)
        and not module_of(state)
        and isinstance(state.get("_model_module"), str)
        and all(n is None or (isinstance(n, str) and _CLASS_NAME.match(n)) for n in named)
    )


class States:
    """Cleans the states of one machine's widgets; `owns` tells which ids are its own."""

    def __init__(self, bundles: Bundles, prefix: str, owns: Owns, knows: Owns) -> None:
        self._bundles = bundles
        self._prefix = prefix
        self._owns = owns
        self._knows = knows

    def clean(self, model: str, state: dict[str, Any]) -> dict[str, Any]:
        """Return what may pass of a state, or of an update, of a widget of the class `model`."""
        kept: dict[str, Any] = {}
        for key in list(state)[:MOST_TRAITS]:
            found = self._trait(model, str(key)[:200], state[key])
            if found is not _NOTHING:
                kept[str(key)[:200]] = found
        return kept

    def _trait(self, model: str, key: str, value: Any) -> Any:
        if key in _CLASSES or key in _VERSIONS:
            return value if _is_class(model, key, value) else _NOTHING
        if key == "msg_id":
            return value if value == "" or (isinstance(value, str) and self._knows(value)) else ""
        if key == "outputs" and model == "OutputModel":
            return self._outputs(value)
        if key == "_dom_classes":
            words = value if isinstance(value, list) else []
            return [w for w in words if isinstance(w, str) and _DOM_CLASS.match(w)]
        if key == "format" and model in _MEDIA_MODELS:
            return value if isinstance(value, str) and _FORMAT.match(value) else "png"
        if not isinstance(value, str):
            return self._any(value, model)
        if _STYLE_MODELS.match(model) and _LOADS.search(value):
            return None
        if key == "value" and model in _HTML_MODELS:
            return html.clean(value, self._prefix).html
        if key == "description":
            # Whether it is HTML depends on the page's ipywidgets and on another trait.
            value = typesetting_only(value)
            return html.clean(value, self._prefix).html if _TAG.search(value) else value
        return self._any(value, model)

    def _any(self, value: Any, model: str) -> Any:
        """Return a value in which each text is clean and each reference leads to its own."""
        if isinstance(value, str):
            if value.startswith(REFERENCE):
                return "" if self._is_foreign(value) else value
            text = coloured(value)
            return typesetting_only(text) if model == "LabelModel" else text
        if isinstance(value, list):
            return [self._any(item, model) for item in value if not self._is_foreign(item)]
        if isinstance(value, dict):
            return {str(k): self._any(item, model) for k, item in value.items()}
        return value

    def _is_foreign(self, value: Any) -> bool:
        """Whether a value refers to a widget that is not the machine's own."""
        refers = isinstance(value, str) and value.startswith(REFERENCE)
        return refers and not self._owns(value[len(REFERENCE) :])

    def _outputs(self, value: Any) -> list[dict[str, Any]]:
        outputs = value if isinstance(value, list) else []
        found = (self._output(o) for o in outputs[:MOST_OUTPUTS] if isinstance(o, dict))
        return [output for output in found if output is not None]

    def _output(self, output: dict[str, Any]) -> dict[str, Any] | None:
        kind = output.get("output_type")
        if kind == "stream" and output.get("name") in ("stdout", "stderr"):
            text = output.get("text")
            lines = text if isinstance(text, list) else [text]
            joined = "".join(line for line in lines if isinstance(line, str))
            return {"output_type": kind, "name": output["name"], "text": coloured(joined)}
        if kind == "error":
            found = output.get("traceback")
            return {
                "output_type": kind,
                "ename": coloured(str(output.get("ename", ""))),
                "evalue": coloured(str(output.get("evalue", ""))),
                "traceback": [
                    coloured(line)
                    for line in (found if isinstance(found, list) else [])
                    if isinstance(line, str)
                ],
            }
        data, metadata = output.get("data"), output.get("metadata")
        if kind in ("display_data", "execute_result") and isinstance(data, dict):
            about = metadata if isinstance(metadata, dict) else {}
            shown, about = self._bundles.clean(data, about)
            count = {"execution_count": None} if kind == "execute_result" else {}
            return {"output_type": kind, "data": shown, "metadata": about, **count}
        return None


_NOTHING = object()


def _is_class(model: str, key: str, value: Any) -> bool:
    """Whether a widget of the class `model` may name its class or view so."""
    if value is None:
        return key.startswith("_view")
    if not isinstance(value, str):
        return False
    if key in _VERSIONS:
        return _VERSION.match(value) is not None
    if key in ("_model_module", "_view_module"):
        return value in CORE
    # A view that writes `value` as HTML is for models whose value was cleaned as such.
    as_html = value in _HTML_VIEWS and model not in _HTML_MODELS
    return _CLASS_NAME.match(value) is not None and not as_html
