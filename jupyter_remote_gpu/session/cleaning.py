"""What a terminal may be shown of a run on a machine that is not trusted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.plain_text import coloured, plain

LONGEST_TOLD = 4000


def cleaned(event: Event) -> tuple[Event, ...]:
    """Return what a terminal may be shown of an event from a machine that is not trusted."""
    fields = event.fields
    if event.kind == "stream":
        fields = {**fields, "text": coloured(fields["text"])}
    elif event.kind in ("notice", "kernel_died"):
        key = "text" if event.kind == "notice" else "message"
        fields = {**fields, key: plain(fields[key], LONGEST_TOLD)}
    elif event.kind in ("display", "update_display", "result"):
        text = fields["data"].get("text/plain", "")
        fields = {**fields, "data": {"text/plain": coloured(text if isinstance(text, str) else "")}}
    elif event.kind == "error":
        fields = {**fields, "traceback": [coloured(line) for line in fields["traceback"]]}
    elif event.kind == "run_ended":
        fields = {**fields, "packages": None, "error": _clean_error(fields.get("error"))}
    elif event.kind not in ("run_started", "input", "clear_output"):
        return ()
    return (replace(event, fields=fields),)


def _clean_error(error: dict[str, Any] | None) -> dict[str, Any] | None:
    if error is None:
        return None
    found = dict(error)
    for key in ("name", "value", "message", "hint"):
        if isinstance(found.get(key), str):
            found[key] = plain(found[key], LONGEST_TOLD)
    if "traceback" in found:
        found["traceback"] = [coloured(line) for line in found["traceback"]]
    return found
