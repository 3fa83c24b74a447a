"""The quiet lines that say what moves, what moved, and what would take too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .pace import Direction

if TYPE_CHECKING:
    # the terminal says sizes and durations and has no use for the rest of that room
    from jupyter_remote_gpu.state.home import Losses
    from jupyter_remote_gpu.state.loads import Load

_UNITS = ("bytes", "KB", "MB", "GB", "TB")
LONGEST_LIST = 6
_ARROWS: dict[Direction, str] = {"out": "▸", "in": "◂"}
_DOING: dict[Direction, str] = {"out": "sending", "in": "fetching"}
_DONE: dict[Direction, str] = {"out": "sent", "in": "fetched"}


def size_text(count: float) -> str:
    """Return a number of bytes as people read it: `1.0 MB`, `105 MB`."""
    for unit in _UNITS:
        if round(count, 1) < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "bytes" or count >= 99.95 else f"{count:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """Return a duration as people read it: `0.09 s`, `41.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 1:
        return f"{seconds:.2g} s" if seconds >= 0.01 else "0.01 s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def about_text(seconds: float) -> str:
    """Return a duration that is an estimate or need not be exact: `20 s`, `17 min`, `2 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.2g} h"
    return f"{round(seconds / 86_400):,} days"


def rate_text(rate: float) -> str:
    """Return a speed as lines are sold: `100 Mbit/s`; `rate` in bytes per second."""
    bits = rate * 8
    for unit in ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"):
        if bits < 1000 or unit == "Gbit/s":
            break
        bits /= 1000
    return f"{bits:.0f} {unit}" if bits >= 10 else f"{bits:.1f} {unit}"


def names_text(names: Sequence[str]) -> str:
    """Return a list of names, shortened after `LONGEST_LIST`."""
    shown = ", ".join(names[:LONGEST_LIST])
    more = len(names) - LONGEST_LIST
    return shown if more <= 0 else f"{shown} and {more} more"


def loads_text(loads: Sequence[Load], direction: Direction) -> str:
    """Return components with what is worth knowing of how they moved: `X (1 of 256 chunks)`."""
    return names_text([_load_text(one, direction) for one in loads])


def _load_text(one: Load, direction: Direction) -> str:
    notes = []
    if one.chunks < one.of:
        notes.append(f"{one.chunks:,} of {one.of:,} chunks")
    if one.patched and direction == "in":
        notes.append("patched in place")
    if one.detached:
        notes.append("without its gradient graph")
    return f"{one.name} ({', '.join(notes)})" if notes else one.name


def run_text(
    machine: str,
    loads: Sequence[Load],
    unchanged: Sequence[str],
    there: Sequence[str],
    perhaps: Sequence[str],
    ran_seconds: float,
    sync_seconds: float,
    *,
    threads: int = 0,
) -> str | None:
    """Return the line below a remote cell, or None if nothing is worth saying.

    The arguments are fields of an `Outcome`.
    """
    parts = []
    if loads:
        size = size_text(sum(one.bytes for one in loads))
        parts.append(f"sent {size}: {loads_text(loads, 'out')}")
    if unchanged:
        parts.append(f"unchanged: {names_text(unchanged)}")
    if there:
        parts.append(f"now there: {names_text(there)}")
    if perhaps:
        parts.append(f"perhaps changed: {names_text(perhaps)}")
    if parts:
        parts.append(f"ran {seconds_text(ran_seconds)}, sync {seconds_text(sync_seconds)}")
    if threads:
        parts.append(f"background activity on {machine}: values may still change")
    return f"{machine} ▸ " + " · ".join(parts) if parts else None


def fetch_text(
    machine: str,
    loads: Sequence[Load],
    names: Sequence[str],
    unchanged: Sequence[str],
    count: int,
    seconds: float,
) -> str:
    """Return the line that says what a local cell fetched; `names` are all that came."""
    listed = {name for one in loads for name in one.names}
    others = [name for name in names if name not in listed]
    what = names_text([*(_load_text(one, "in") for one in loads), *others])
    line = f"{machine} ◂ fetched {size_text(count)} in {seconds_text(seconds)}"
    line += f": {what}" if what else ""
    return f"{line} · unchanged: {names_text(unchanged)}" if unchanged else line


def bar_text(
    machine: str,
    direction: Direction,
    loads: Sequence[Load],
    done: int,
    total: int,
    seconds: float,
) -> str:
    """Return the line shown while values move: how far, how fast, how long still."""
    rate = done / seconds if seconds else 0.0
    left = f", {about_text((total - done) / rate)} left" if rate else ""
    what = names_text([one.name for one in loads if one.bytes])
    return (
        f"{machine} {_ARROWS[direction]} {_DOING[direction]} {what}:"
        f" {size_text(done)} of {size_text(total)}, {size_text(rate)}/s{left}"
    )


def moved_text(
    machine: str, direction: Direction, loads: Sequence[Load], total: int, seconds: float
) -> str:
    """Return the line that a move leaves where its bar was."""
    return (
        f"{machine} {_ARROWS[direction]} {_DONE[direction]} {size_text(total)}"
        f" in {seconds_text(seconds)}: {loads_text(loads, direction)}"
    )


def losses_text(losses: Losses) -> str:
    """Say what went with a kernel, what was kept, and what to do."""
    parts = []
    if losses.lost:
        parts.append(f"Lost: {', '.join(losses.lost)} (their newest values were only there).")
    if losses.older:
        parts.append(
            f"Older values of {', '.join(losses.older)} are still here:"
            f" `%remote_gpu recover {' '.join(losses.older)}`."
        )
    if losses.kept:
        parts.append(f"Not lost: {', '.join(losses.kept)}.")
    if not parts:
        parts.append("No name was lost.")
    return " ".join(parts)
