"""How a run ended, as an untrusted machine tells it: plain words, no orders to the page."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.protocol.plain_text import coloured, plain

from .remarks import Remarks

STATUSES = ("ok", "error", "refused")
LONGEST_NAME = 200
LONGEST_TEXT = 100_000
LONGEST_LINE = 20_000
MOST_LINES = 5000
MOST_ARGUMENTS = 20


def ended(fields: dict[str, Any], machine: str, remarks: Remarks) -> dict[str, Any]:
    """Return the fields of a `run_ended` that may pass; the report is looked at elsewhere."""
    status = fields["status"] if fields["status"] in STATUSES else "error"
    payload = [p for p in fields.get("payload", []) if isinstance(p, dict)]
    found = {**fields, "status": status, "payload": _pages(payload, remarks)}
    if fields.get("error") is not None:
        found["error"] = described(fields["error"], machine)
    return found


def described(error: dict[str, Any], machine: str) -> dict[str, Any]:
    """Return the description of an exception with clean texts, as `remote_error` takes it.

    Marked `untrusted`: nothing is imported for its class and no code of it runs.
    """
    if "own" in error:
        hint = error.get("hint")
        return {
            "own": plain(error["own"], LONGEST_NAME),
            "message": f"{machine} says: {plain(error['message'], LONGEST_TEXT)}",
            "hint": None if hint is None else plain(hint, LONGEST_TEXT),
        }
    shown = shown_error(error)
    return {
        **shown,
        "module": plain(error["module"], LONGEST_NAME),
        "bases": [plain(base, LONGEST_NAME) for base in error["bases"][:MOST_LINES]],
        "args": [_argument(a) for a in error["args"][:MOST_ARGUMENTS]],
        "untrusted": True,
    }


def shown_error(error: dict[str, Any]) -> dict[str, Any]:
    """Return name, value and traceback of an error with clean texts."""
    lines = [coloured(line[:LONGEST_LINE]) for line in error["traceback"][:MOST_LINES]]
    return {
        "name": plain(error["name"], LONGEST_NAME) or "Error",
        "value": coloured(error["value"][:LONGEST_TEXT]),
        "traceback": lines,
    }


def _argument(value: Any) -> Any:
    if isinstance(value, str):
        return coloured(value[:LONGEST_TEXT])
    return value if value is None or isinstance(value, (int, float)) else None


def _pages(payload: list[dict[str, Any]], remarks: Remarks) -> list[dict[str, Any]]:
    """Return the pages of help; whatever would change the notebook or open a file is left out."""
    pages = []
    for item in payload:
        data = item.get("data")
        text = data.get("text/plain") if isinstance(data, dict) else None
        if item.get("source") == "page" and isinstance(text, str):
            shown = coloured(text[: 10 * LONGEST_TEXT])
            pages.append({"source": "page", "start": 0, "data": {"text/plain": shown}})
        else:
            remarks.note("payload", "orders to change the notebook's cells were left out")
    return pages[-1:]
