"""What is said, at a run's end, of the files that it wrote."""

from __future__ import annotations

from jupyter_remote_gpu.commands.came_back import came_lines
from jupyter_remote_gpu.session.sync_report import Moved, SyncReport, Waiting


def test_nothing_is_said_of_nothing() -> None:
    assert came_lines("box", SyncReport(sent=(Moved("train.py", 10),))) == []


def test_each_file_is_named_once_in_its_last_state() -> None:
    report = SyncReport(
        back=(Moved("log.csv", 10), Moved("out"), Moved("log.csv", 2000), Moved("out/w.pt", 1000)),
    )
    assert came_lines("box", report) == ["came back: log.csv, out/w.pt (3.0 KB)"]


def test_what_is_not_as_one_expects_has_a_line() -> None:
    report = SyncReport(
        back=(Moved("old.txt", deleted=True),),
        conflicts=(Moved("a.csv", 1, other="a.kept-from-box.csv"),),
        waiting=(Waiting("run.sh", 5, "it can be run"),),
        refused={"b": "the disk is full"},
    )
    gone, conflict, refused, waiting = came_lines("box", report)
    assert gone == "deleted here too: old.txt"
    assert "a.kept-from-box.csv" in conflict
    assert "the disk is full" in refused
    assert "run.sh of box waits for your word" in waiting
