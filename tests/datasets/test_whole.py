"""A file brought to this computer is whole and right, or not there; breaks cost only the rest."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from jupyter_remote_gpu.datasets.reference import Digest
from jupyter_remote_gpu.datasets.source import Link, RemoteFile
from jupyter_remote_gpu.datasets.web import Web
from jupyter_remote_gpu.datasets.whole import fetch, size
from jupyter_remote_gpu.errors import CorruptDataError, DatasetError, DiskFullError
from tests.datasets.emulators.serving import Reply
from tests.datasets.emulators.storage import Storage

DATA = random.Random(5).randbytes(3_000_000)
FILE = RemoteFile("f.bin", len(DATA), (Digest("md5", hashlib.md5(DATA).hexdigest()),))

Get = Callable[..., None]


def _quick(seconds: float) -> None:
    """Do not wait between tries."""


@pytest.fixture
def get(storage: Storage, tmp_path: Path) -> Get:
    """Fetch the storage's file to `f.bin` in the test's folder."""
    storage.put("/f", DATA)

    def fetched(file: RemoteFile = FILE) -> None:
        web = Web("the storage", pause=_quick)
        fetch(web, lambda: Link(storage.signed("/f")), file, tmp_path / "f.bin", _quick)

    return fetched


def _ranges(storage: Storage) -> list[str]:
    asked = [one.headers.get("range", "") for one in storage.asked]
    return [one for one in asked if one != "bytes=0-0"]


@pytest.mark.parametrize("reset", [False, True], ids=["in order", "with a reset"])
def test_after_a_break_only_the_rest_comes(
    storage: Storage, get: Get, tmp_path: Path, reset: bool
) -> None:
    storage.faults.drop("/f", after=1_000_000, reset=reset)
    storage.faults.drop("/f", after=1_500_000)
    get()
    assert (tmp_path / "f.bin").read_bytes() == DATA
    assert {*os.listdir(tmp_path)} == {"home", "f.bin"}
    first, *more = _ranges(storage)
    assert first == ""
    assert more
    assert all(one.startswith("bytes=") and one != "bytes=0-" for one in more)


def test_what_came_before_the_end_of_the_program_is_used(
    storage: Storage, get: Get, tmp_path: Path
) -> None:
    (tmp_path / "f.bin.part").write_bytes(DATA[:2_000_000])
    get()
    assert _ranges(storage) == ["bytes=2000000-"]
    assert (tmp_path / "f.bin").read_bytes() == DATA


def test_an_error_page_never_gets_into_the_file(storage: Storage, get: Get, tmp_path: Path) -> None:
    (tmp_path / "f.bin.part").write_bytes(DATA[:2_000_000])
    storage.faults.answer("/f bytes=2000000-", Reply(403, {}, b"<Error>Expired</Error>"))
    storage.faults.answer("/f bytes=2000000-", Reply(206, {"Content-Range": "bytes 0-2/9"}, b"abc"))
    storage.ranges = False
    get()
    assert (tmp_path / "f.bin").read_bytes() == DATA


def test_wrong_bytes_are_not_kept(storage: Storage, get: Get, tmp_path: Path) -> None:
    storage.put("/f", b"x" + DATA[1:])
    with pytest.raises(CorruptDataError, match="md5"):
        get()
    storage.put("/f", DATA + b"more")
    with pytest.raises(CorruptDataError, match="3,000,004"):
        get()
    assert {*os.listdir(tmp_path)} == {"home"}
    storage.put("/f", DATA)
    sha, blob = hashlib.sha256(DATA), hashlib.sha1(b"blob %d\0" % len(DATA) + DATA)
    digests = (Digest("sha256", sha.hexdigest()), Digest("git-blob", blob.hexdigest()))
    get(RemoteFile("f.bin", len(DATA), digests))


def test_a_source_that_never_comes_back_is_told_and_the_rest_kept(
    storage: Storage, get: Get, tmp_path: Path
) -> None:
    storage.faults.drop("/f", after=1_000_000)
    # Of the piece that broke nothing is kept.
    kept = 1_000_000 - 1_000_000 % 65_536
    storage.faults.answer(f"/f bytes={kept}-", Reply(503), times=99)
    with pytest.raises(DatasetError, match="503"):
        get()
    assert (tmp_path / "f.bin.part").stat().st_size == kept


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_room_is_refused_with_both_numbers(
    storage: Storage, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(0, 0, 201_000_000))
    with pytest.raises(DiskFullError, match=r"3\.0 MB.*201 MB"):
        get()
    assert storage.asked == []


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_300, "1.3 KB"),
        (52_000_000, "52.0 MB"),
        (3 * 10**15, "3000 TB"),
    ],
)
def test_sizes_are_told_in_words(count: int, text: str) -> None:
    assert size(count) == text


def test_a_link_is_shown_without_what_opens_it() -> None:
    link = Link("https://s.org/a?X-Goog-Signature=f", {"Authorization": "Bearer t"}, 5.0)
    assert link.shown == "https://s.org/a"
    assert "Signature" not in repr(link)
    assert "Bearer" not in repr(link)


def test_without_a_digest_two_versions_never_mix(
    storage: Storage, get: Get, tmp_path: Path
) -> None:
    plain = RemoteFile("f.bin", len(DATA))
    storage.faults.drop("/f", after=1_000_000)
    kept = 1_000_000 - 1_000_000 % 65_536
    storage.faults.answer(f"/f bytes={kept}-", Reply(503), times=99)
    with pytest.raises(DatasetError, match="503"):
        get(plain)
    storage.faults.clear()
    storage.put("/f", DATA[::-1])
    get(plain)
    assert (tmp_path / "f.bin").read_bytes() == DATA[::-1]
    assert {*os.listdir(tmp_path)} == {"home", "f.bin"}


def test_where_no_version_is_told_and_no_digest_it_begins_anew(
    storage: Storage, get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_headers", lambda found: {"ETag": ""})
    (tmp_path / "f.bin.part").write_bytes(b"x" * 2_000_000)
    get(RemoteFile("f.bin", len(DATA)))
    assert (tmp_path / "f.bin").read_bytes() == DATA


def test_of_the_same_version_only_the_rest_comes_without_a_digest_too(
    storage: Storage, get: Get, tmp_path: Path
) -> None:
    storage.faults.drop("/f", after=1_000_000)
    get(RemoteFile("f.bin", None))
    assert (tmp_path / "f.bin").read_bytes() == DATA
    assert _ranges(storage)[1:] == [f"bytes={1_000_000 - 1_000_000 % 65_536}-"]


def test_two_that_fetch_one_file_do_not_write_into_each_other(
    storage: Storage, get: Get, tmp_path: Path
) -> None:
    held, waits = storage.faults.hold("/f bytes=0-0"), threading.Event()

    def pause(seconds: float) -> None:
        waits.set()
        held.wait(0.01)

    def other() -> None:
        link = Link(storage.signed("/f"))
        fetch(Web("the storage"), lambda: link, FILE, tmp_path / "f.bin", pause)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(get)
        while not storage.asked:
            time.sleep(0.01)
        second = pool.submit(other)
        assert waits.wait(30)
        held.set()
        first.result(30)
        second.result(30)
    assert (tmp_path / "f.bin").read_bytes() == DATA
    assert {*os.listdir(tmp_path)} == {"home", "f.bin"}
    assert _ranges(storage) == [""]
