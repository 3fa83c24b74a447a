"""The journal's writer: order, joining, a full disk, forks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.kernel import writer as writing
from jupyter_remote_gpu.agent.kernel.interrupts import InterruptGuard
from jupyter_remote_gpu.agent.kernel.parents import Parent
from jupyter_remote_gpu.agent.kernel.writer import JournalWriter
from jupyter_remote_gpu.journal.cursor import Cursor
from jupyter_remote_gpu.protocol import events
from jupyter_remote_gpu.protocol.events import Event

RUN = Parent("run", {"header": {"msg_id": "m"}})


def open_writer(folder: Path, bell: str = "") -> JournalWriter:
    return JournalWriter(folder, bell or str(folder / "no-bell"), "k", InterruptGuard())


def read_all(folder: Path, after: int = 0) -> list[Event]:
    cursor = Cursor(folder, after)
    found: list[Event] = []
    while data := cursor.read():
        found += events.decode_all(data)
    return found


def test_adjoining_text_of_one_stream_becomes_one_event(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    with writer._io:  # keeps the background writer from cutting in between
        for name, text in [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")]:
            writer.stream(name, text, RUN)
        writer.append("display", {"data": {}, "metadata": {}, "transient": {}}, RUN)
        writer.stream("stdout", "e", RUN)
        writer.flush()
    found = [(e.number, e.fields.get("name"), e.fields.get("text")) for e in read_all(tmp_path)]
    assert found == [
        (1, "stdout", "ab"),
        (2, "stderr", "c"),
        (3, "stdout", "d"),
        (4, None, None),
        (5, "stdout", "e"),
    ]


def test_many_threads_lose_and_double_nothing(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)

    def write(thread: int) -> None:
        for i in range(500):
            writer.append("notice", {"text": f"{thread} {i}"}, RUN)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush()
    found = read_all(tmp_path)
    assert [e.number for e in found] == list(range(1, 3001))
    for n in range(6):
        mine = [e.fields["text"] for e in found if e.fields["text"].startswith(f"{n} ")]
        assert mine == [f"{n} {i}" for i in range(500)]


def test_the_bell_rings_with_the_number(tmp_path: Path) -> None:
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.bind(str(tmp_path / "bell"))
    bell.settimeout(10)
    writer = open_writer(tmp_path / "journal", str(tmp_path / "bell"))
    writer.append("notice", {"text": "x"}, RUN)
    assert json.loads(bell.recv(1000)) == {"kernel": "k", "number": 1}
    bell.close()


def test_what_is_written_at_once_takes_along_what_waits_and_rings_as_asked(tmp_path: Path) -> None:
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.bind(str(tmp_path / "bell"))
    bell.settimeout(10)
    writer = open_writer(tmp_path / "journal", str(tmp_path / "bell"))
    writer.write("notice", {"text": "begun"}, RUN, ring=False)
    assert [e.fields["text"] for e in read_all(tmp_path / "journal")] == ["begun"]
    with writer._io:  # keeps the background writer away
        writer.append("notice", {"text": "x"}, RUN)
        writer.write("notice", {"text": "ended"}, RUN, [b"report"])
    found = [(e.fields["text"], *map(bytes, e.buffers)) for e in read_all(tmp_path / "journal")]
    assert found == [("begun",), ("x",), ("ended", b"report")]
    # the first ring is that of the end: the beginning had none
    assert json.loads(bell.recv(1000))["number"] == 3
    bell.close()


def test_without_an_agent_the_journal_is_written_all_the_same(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, str(tmp_path / "nobody"))
    writer.append("notice", {"text": "x"}, RUN)
    assert writer.flush() == 1
    assert len(read_all(tmp_path)) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_writes_nothing(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.append("notice", {"text": "parent"}, RUN)
    child = os.fork()
    if child == 0:
        writer.append("notice", {"text": "child"}, RUN)
        writer.stream("stdout", "child", RUN)
        writer.flush()
        os._exit(0)
    os.waitpid(child, 0)
    writer.flush()
    assert [e.fields["text"] for e in read_all(tmp_path)] == ["parent"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.getuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
    )
    if not mounted:
        pytest.skip("a small disk can only be made by root, where mounting is allowed")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.root
def test_a_full_disk_holds_output_back_until_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FULL_RETRY_SECONDS", 0.05)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 150_000)
    writer = open_writer(small_disk / "journal")
    texts = [f"{i} " + "y" * 10_000 for i in range(40)]
    for text in texts:
        writer.append("notice", {"text": text}, RUN)
        writer.flush()
    before = [e.fields["text"] for e in read_all(small_disk / "journal")]
    assert before == texts[: len(before)]
    assert 0 < len(before) < len(texts)
    # Grow the disk: everything held back arrives, in order, nothing torn or doubled.
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    deadline = time.monotonic() + 20
    while len(read_all(small_disk / "journal")) < len(texts) and time.monotonic() < deadline:
        time.sleep(0.02)
    found = read_all(small_disk / "journal")
    assert [e.fields["text"] for e in found] == texts
    assert [e.number for e in found] == list(range(1, len(texts) + 1))


@pytest.mark.root
def test_what_is_written_at_once_is_tried_again_too(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FULL_RETRY_SECONDS", 0.05)
    writer = open_writer(small_disk / "journal")
    writer.write("notice", {"text": "y" * 300_000}, RUN, ring=False)
    assert not read_all(small_disk / "journal")
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    deadline = time.monotonic() + 20
    while not read_all(small_disk / "journal") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [e.number for e in read_all(small_disk / "journal")] == [1]


@pytest.mark.root
def test_beyond_its_bound_a_writer_waits_for_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FULL_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(writing, "FULL_PENDING_BYTES", 300_000)
    writer = open_writer(small_disk / "journal")
    done = threading.Event()
    written: list[int] = []

    def produce() -> None:
        for i in range(100):
            writer.append("notice", {"text": "y" * 20_000}, RUN)
            writer.flush()
            written.append(i)
        done.set()

    threading.Thread(target=produce, daemon=True).start()
    # 256 KB on the disk and 300 KB held are full long before 100 events of 20 KB.
    assert not done.wait(1.0)
    assert len(written) < 60
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert done.wait(20)
    writer.flush()
    assert len(read_all(small_disk / "journal")) == 100
