"""What a widget's callback puts out, as messages of the local kernel."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_remote_gpu.protocol.events import Event

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"

_KINDS = {
    "stream": ("stream", ("name", "text")),
    "display": ("display_data", ("data", "metadata", "transient")),
    "update_display": ("update_display_data", ("data", "metadata", "transient")),
    "result": ("display_data", ("data", "metadata")),
    "clear_output": ("clear_output", ("wait",)),
}


def published(event: Event) -> tuple[str, dict[str, Any]] | None:
    """Return the Jupyter message type and content of an output; None for other events."""
    fields = event.fields
    if event.kind == "error":
        names = {"ename": "name", "evalue": "value", "traceback": "traceback"}
        return "error", {theirs: fields[ours] for theirs, ours in names.items()}
    if event.kind not in _KINDS:
        return None
    kind, keys = _KINDS[event.kind]
    content = {key: fields[key] for key in keys}
    return kind, with_widget_manager(content) if "data" in content else content


def with_widget_manager(content: dict[str, Any]) -> dict[str, Any]:
    """Return a display's content with what Colab needs in order to find custom widgets.

    Colab adds it in a hook of the display publisher, which belongs to the
    thread that enabled it and does not see what is sent past the publisher.
    """
    colab: Any = sys.modules.get("google.colab.output._widgets")
    url = getattr(colab, "_installed_url", None)
    if not url or WIDGET_MIME not in content["data"]:
        return content
    metadata = dict(content.get("metadata") or {})
    metadata[WIDGET_MIME] = {
        **metadata.get(WIDGET_MIME, {}),
        "colab": {"custom_widget_manager": {"url": url}},
    }
    return {**content, "metadata": metadata}
