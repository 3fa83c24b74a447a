"""Reading a journal while it grows: every event once, from any number."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.kernel import writer as writing
from jupyter_remote_gpu.agent.kernel.interrupts import InterruptGuard
from jupyter_remote_gpu.agent.kernel.parents import Parent
from jupyter_remote_gpu.agent.kernel.writer import JournalWriter
from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.journal.cursor import Cursor, append_after_death, segments
from jupyter_remote_gpu.protocol import events
from jupyter_remote_gpu.protocol.events import Event

RUN = Parent("run")


@pytest.fixture
def writer(tmp_path: Path) -> JournalWriter:
    return JournalWriter(tmp_path, str(tmp_path / "no-bell"), "k", InterruptGuard())


def read_all(cursor: Cursor) -> list[Event]:
    found: list[Event] = []
    while data := cursor.read():
        found += events.decode_all(data)
    return found


def test_any_number_can_be_resumed_from(tmp_path: Path, writer: JournalWriter) -> None:
    for i in range(50):
        writer.append("notice", {"text": str(i)}, RUN)
    writer.flush()
    for after in (0, 1, 17, 49, 50):
        numbers = [e.number for e in read_all(Cursor(tmp_path, after))]
        assert numbers == list(range(after + 1, 51))


def test_events_come_once_over_many_segments(
    tmp_path: Path, writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_BYTES", 500)
    cursor = Cursor(tmp_path)
    seen: list[int] = []
    for i in range(40):
        writer.append("notice", {"text": "x" * (i * 7)}, RUN)
        writer.flush()
        seen += [e.number for e in read_all(cursor)]
    assert seen == list(range(1, 41))
    assert len(segments(tmp_path)) > 5
    assert [e.number for e in read_all(Cursor(tmp_path, 23))] == list(range(24, 41))


def test_an_event_larger_than_the_reading_step_comes_whole(
    tmp_path: Path, writer: JournalWriter
) -> None:
    writer.append("notice", {"text": "y" * 10_000}, RUN)
    writer.append("notice", {"text": "z"}, RUN)
    writer.flush()
    cursor = Cursor(tmp_path)
    first = list(events.decode_all(cursor.read(100)))
    assert [len(e.fields["text"]) for e in first] == [10_000]
    assert [e.fields["text"] for e in read_all(cursor)] == ["z"]


def test_before_the_journal_exists_there_is_nothing(tmp_path: Path) -> None:
    assert Cursor(tmp_path / "none").read() == b""


def test_a_half_written_event_waits_and_is_cut_off_after_death(
    tmp_path: Path, writer: JournalWriter
) -> None:
    writer.append("notice", {"text": "whole"}, RUN)
    writer.flush()
    (path,) = segments(tmp_path)
    torn = b"".join(events.encode(2, "notice", 0.0, None, None, {"text": "half"}))[:-3]
    with path.open("ab") as file:
        file.write(torn)
    cursor = Cursor(tmp_path)
    assert [e.number for e in read_all(cursor)] == [1]

    def died(number: int) -> bytes:
        return b"".join(events.encode(number, "kernel_died", 0.0, None, None, {"message": "m"}))

    assert append_after_death(tmp_path, died) == 2
    assert [(e.number, e.kind) for e in read_all(cursor)] == [(2, "kernel_died")]
    assert [e.number for e in read_all(Cursor(tmp_path))] == [1, 2]


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0000000000000001.journal").write_bytes(b"something else")
    with pytest.raises(ProtocolError, match="is not a journal"):
        Cursor(tmp_path).read()


def test_text_is_there_soon_without_a_flush(tmp_path: Path, writer: JournalWriter) -> None:
    writer.stream("stdout", "hello", RUN)
    cursor = Cursor(tmp_path)
    deadline = time.monotonic() + 10
    found: list[Event] = []
    while not found and time.monotonic() < deadline:
        found = read_all(cursor)
    assert [e.fields for e in found] == [{"name": "stdout", "text": "hello"}]
