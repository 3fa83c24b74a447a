"""Runs as records: what a journal says of each, kept up to date as it grows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from jupyter_remote_gpu.protocol import events
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.scripts import EXIT

from .cursor import Cursor

RunStatus = Literal["running", "ok", "error", "refused", "lost"]
"""`refused`: not begun, what it needed could not be had; `lost`: its kernel died."""


@dataclass(slots=True)
class RunRecord:
    """One run: its source, times (seconds since the epoch), events, and end.

    `datasets` are the data that its project had: {path: address with version}.
    """

    run: str
    source: str
    count: int
    started: float
    first: int
    last: int
    status: RunStatus = "running"
    ended: float | None = None
    sent: list[str] = field(default_factory=list)
    bound: list[str] = field(default_factory=list)
    error: str | None = None
    datasets: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able values."""
        return asdict(self)


class RunIndex:
    """The records of one journal's runs, oldest first; reads only what is new."""

    def __init__(self, folder: Path) -> None:
        self._cursor = Cursor(folder)
        self._records: dict[str, RunRecord] = {}

    def update(self) -> list[RunRecord]:
        """Take in the events written since the last call and return all records."""
        while data := self._cursor.read():
            for event in events.decode_all(data):
                self._take(event)
        return list(self._records.values())

    def _take(self, event: Event) -> None:
        if event.kind == "run_started" and event.run is not None:
            self._records[event.run] = RunRecord(
                run=event.run,
                source=event.fields["source"],
                count=event.fields["count"],
                started=event.time,
                first=event.number,
                last=event.number,
                sent=list(event.fields.get("sent", [])),
                datasets=dict(event.fields.get("datasets", {})),
            )
            return
        if event.kind == "kernel_died":
            for record in self._records.values():
                if record.status == "running":
                    record.status, record.ended = "lost", event.time
                    record.error = event.fields.get("message")
            return
        found = self._records.get(event.run or "")
        if found is None:
            return
        found.last = event.number
        if event.kind == "run_ended":
            found.status, found.ended = event.fields["status"], event.time
            error = event.fields.get("error")
            if error:
                found.error = error.get("name") or error.get("own")
                if found.error == EXIT and error["args"]:
                    found.error = f"exit code {error['args'][0]}"
            found.datasets.update(event.fields.get("datasets", {}))
            found.bound = list(event.fields.get("bound", []))
