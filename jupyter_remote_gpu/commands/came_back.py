"""What is said, at the end of a script's run, of the files that it wrote."""

from __future__ import annotations

from jupyter_remote_gpu.session.file_words import (
    conflict_line,
    moved_text,
    refused_line,
    waiting_line,
)
from jupyter_remote_gpu.session.sync_report import SyncReport


def came_lines(machine: str, report: SyncReport) -> list[str]:
    """Return a line on what came back, and one for each thing to know or to do; [] for nothing."""
    # a log may have come many times while the run went on: its last state counts
    back = {one.path: one for one in report.back}.values()
    came = [one for one in back if not one.deleted]
    gone = [one for one in back if one.deleted]
    lines = [f"came back: {moved_text(came)}"] if came else []
    lines += [f"deleted here too: {moved_text(gone)}"] if gone else []
    lines += [conflict_line(machine, one) for one in report.conflicts]
    lines += [refused_line(path, why) for path, why in report.refused.items()]
    lines += [waiting_line(machine, report.waiting)] if report.waiting else []
    return lines
