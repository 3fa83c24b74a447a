"""What became of a remote cell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.state import Report
from jupyter_remote_gpu.state.home import Departure, Home
from jupyter_remote_gpu.state.loads import Load, component_name

_CODE = ("module", "class", "function", "builtin_function_or_method")
"""Types whose names are not worth a mention: they are as good as everywhere."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a remote cell ended; `error` describes its exception, if it had one.

    `sent` is what went there for it (`sent_shown`: a bar has said so already),
    `unchanged` what was looked at and need not go, `there` the components it
    bound there, `perhaps` those it may have changed, `threads` how many threads
    it left running.
    """

    run: str
    error: dict[str, Any] | None
    payload: list[dict[str, Any]]
    ran_seconds: float
    sync_seconds: float = 0.0
    sent: tuple[Load, ...] = ()
    sent_shown: bool = False
    unchanged: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    threads: int = 0


def outcome_of(end: Event) -> Outcome:
    """Return how a run ended, from its `run_ended`, with nothing about names."""
    return Outcome(
        run=str(end.run),
        error=end.fields.get("error"),
        payload=end.fields.get("payload", []),
        ran_seconds=end.fields["seconds"],
    )


def concluded(home: Home, end: Event, departure: Departure, keeps_home: bool) -> Outcome:
    """Take note in `home` of what a run did to the names; return how it ended.

    With `keeps_home` the values of here stay the newest (`Home.keep`).
    """
    outcome = replace(outcome_of(end), sent=departure.loads, unchanged=departure.unchanged)
    packed = end.fields.get("report")
    if packed is None:
        return outcome
    report = Report.unpack(packed, [memoryview(blob) for blob in end.buffers])
    before = home.places.elsewhere & report.touched.keys()
    (home.keep if keeps_home else home.complete)(departure, report)
    there, perhaps = now_there(report, before)
    bound = tuple(report.bound)
    return replace(outcome, bound=bound, there=there, perhaps=perhaps, threads=report.threads)


def now_there(report: Report, before: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the components that a cell bound there, and those it may have changed there.

    `before` are the names whose newest values were there already. Modules,
    code and names like `_tmp` are not worth a mention.
    """
    bound = _components(report, report.bound)
    touched = _components(report, report.touched.keys() - set(before))
    return bound, tuple(one for one in touched if one not in bound)


def _components(report: Report, names: Collection[str]) -> tuple[str, ...]:
    partners = {name: group for group in report.together for name in group}
    found: dict[str, None] = {}
    for name, about in {**report.bound, **report.touched}.items():
        if name in names and about.type not in _CODE and not name.startswith("_"):
            found[component_name(partners.get(name, (name,)))] = None
    return tuple(found)
