"""Large files read beside the walk: in their order, stopped when nobody wants them any more."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import UnreadableError
from jupyter_remote_gpu.files import ahead, reading
from jupyter_remote_gpu.files.ahead import Ahead
from jupyter_remote_gpu.files.folders import Folder
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.reading import Going, read_file
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.stamp import Stamp, stamp_of
from jupyter_remote_gpu.protocol.steps import Step


def test_they_come_in_their_order_and_at_most_so_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_MOST_WAITING", 3)
    names = [b"%d" % n for n in range(8)]
    chance = random.Random(1)
    with Folder.at(tmp_path) as folder, contextlib.closing(Ahead(lambda more: None)) as going:
        taken = []
        for name in names:
            (tmp_path / os.fsdecode(name)).write_bytes(chance.randbytes(200_000))
            going.read(folder, name, name, stamp_of(os.stat(tmp_path / os.fsdecode(name))))
            while (asked := going.next(last=False)) is not None:
                taken.append(asked)
        assert len(taken) == len(names) - 2
        while (asked := going.next(last=True)) is not None:
            taken.append(asked)
        assert [asked.path for asked in taken] == names
        alone = [read_file(folder, name).content for name in names]
        assert [asked.result.result().content for asked in taken] == alone


def test_closing_stops_what_is_being_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 40)  # it would take a quarter of an hour
    with Folder.at(tmp_path) as folder:
        going = Ahead(lambda more: None)
        going.read(folder, b"huge", b"huge", stamp_of(os.stat(tmp_path / "huge")))
        result = going._waiting[0].result
        going.close()
        with pytest.raises(CancelledError):
            result.result(0)
        stopped = Going(stopped=True)
        with pytest.raises(CancelledError):
            read_file(folder, b"huge", going=stopped)


def test_a_large_file_that_cannot_be_read_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(random.Random(name).randbytes(2_000_000))
    project = Project(tmp_path, lambda: Ignore(tmp_path))
    project.scan()
    before = project.index.tree()
    for name in ("a", "b"):
        os.utime(tmp_path / name, (1, 1))

    def refused(folder: Folder, name: bytes, *rest: object) -> reading.Reading:
        if name == b"a":
            raise UnreadableError("a cannot be read")
        return read_file(folder, name)

    monkeypatch.setattr(ahead, "read_file", refused)
    found = project.scan()
    assert list(found.left_out) == [b"a"]
    assert found.changed == {}
    assert project.index.tree() == before


def test_a_large_file_is_told_of_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").write_bytes(bytes(2_000_000))
    half, heard = 100 << 20, threading.Event()

    def slow(
        folder: Folder, name: bytes, seen: Stamp, going: Going, before: object
    ) -> reading.Reading:
        going.bytes = half
        assert heard.wait(30)
        return read_file(folder, name, seen)

    told: list[int] = []

    def listen(step: Step) -> None:
        told.append(step.done)
        heard.set()

    monkeypatch.setattr(ahead, "read_file", slow)
    Project(tmp_path, lambda: Ignore(tmp_path)).scan(listen)
    assert told[0] == half
