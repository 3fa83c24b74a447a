"""Runs as records, made from events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_remote_gpu.journal.cursor import append_after_death
from jupyter_remote_gpu.journal.runs import RunIndex
from jupyter_remote_gpu.protocol import events


def _append(folder: Path, kind: str, run: str | None, **fields: Any) -> None:
    append_after_death(
        folder, lambda number: b"".join(events.encode(number, kind, number, run, None, fields))
    )


def test_records_follow_the_journal(tmp_path: Path) -> None:
    index = RunIndex(tmp_path)
    assert index.update() == []
    _append(tmp_path, "run_started", "a", source="x = 1", count=3, sent=["y"])
    _append(tmp_path, "stream", "a", name="stdout", text="hi")
    (record,) = index.update()
    assert (record.status, record.first, record.last, record.sent) == ("running", 1, 2, ["y"])
    error = {"own": "E", "message": "m"}
    _append(tmp_path, "run_ended", "a", status="error", error=error, bound=["x"], seconds=1)
    _append(tmp_path, "stream", "a", name="stdout", text="late")
    (record,) = index.update()
    assert (record.status, record.error, record.bound, record.last) == ("error", "E", ["x"], 4)
    assert record.ended == 3.0
    assert RunIndex(tmp_path).update() == [record]


def test_a_run_whose_kernel_died_is_lost(tmp_path: Path) -> None:
    _append(tmp_path, "run_started", "a", source="x", count=1)
    _append(tmp_path, "kernel_died", None, message="out of memory")
    (record,) = RunIndex(tmp_path).update()
    assert (record.status, record.error) == ("lost", "out of memory")


def test_a_scripts_exit_code_is_its_error(tmp_path: Path) -> None:
    error = {"name": "ScriptExit", "value": "", "traceback": [], "module": "m", "bases": []}
    _append(tmp_path, "run_started", "a", source="# train.py", count=1)
    _append(tmp_path, "run_ended", "a", status="error", error={**error, "args": [3]}, seconds=1)
    (record,) = RunIndex(tmp_path).update()
    assert (record.status, record.error) == ("error", "exit code 3")
