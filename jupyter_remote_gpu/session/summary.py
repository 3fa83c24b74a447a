"""The one quiet line that says what moved."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ("bytes", "KB", "MB", "GB", "TB")
LONGEST_LIST = 6


def size_text(count: float) -> str:
    """Return a number of bytes as people read it: `105 MB`."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.2g} {unit}"


def seconds_text(seconds: float) -> str:
    """Return a duration as people read it: `0.09 s`, `41 s`, `3 min 20 s`."""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds >= 0.01 else "0.01 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def names_text(names: Sequence[str]) -> str:
    """Return a list of names, shortened after `LONGEST_LIST`."""
    shown = ", ".join(names[:LONGEST_LIST])
    more = len(names) - LONGEST_LIST
    return shown if more <= 0 else f"{shown} and {more} more"


def run_text(
    machine: str,
    sent: Sequence[str],
    sent_bytes: int,
    bound: Sequence[str],
    ran_seconds: float,
    sync_seconds: float,
) -> str | None:
    """Return the line below a remote cell, or None if nothing moved."""
    parts = []
    if sent:
        parts.append(f"sent {size_text(sent_bytes)}: {names_text(sent)}")
    if bound:
        parts.append(f"now there: {names_text(bound)}")
    if not parts:
        return None
    parts.append(f"ran {seconds_text(ran_seconds)}, sync {seconds_text(sync_seconds)}")
    return f"{machine} ▸ " + " · ".join(parts)


def fetch_text(machine: str, names: Sequence[str], count: int, seconds: float) -> str:
    """Return the line that says what a local cell fetched."""
    return f"{machine} ◂ fetched {size_text(count)} in {seconds_text(seconds)}: {names_text(names)}"
