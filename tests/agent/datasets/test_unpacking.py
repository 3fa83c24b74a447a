"""Archives become folders: what they hold, nothing outside them, and little room besides."""

from __future__ import annotations

import errno
import gzip
import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.datasets import part, room, staging
from jupyter_remote_gpu.agent.datasets.job import Wanted
from jupyter_remote_gpu.agent.datasets.shelf import Shelf
from jupyter_remote_gpu.errors import (
    CorruptDataError,
    DiskFullError,
    UnsafePathError,
)
from tests.agent.datasets.maker import MEGABYTE, Maker, noise, tarred, zipped
from tests.agent.datasets.serving import md5

FILES = {
    **{f"train/{n}.txt": noise(n * 7, n) + b"a" * n for n in range(600)},
    "big.csv": b"a,b,c\n" * 200_000,
    "empty": b"",
    "folder/ä ö.txt": "ü".encode(),
}


def test_a_zip_archive_is_unpacked_and_is_gone(maker: Maker) -> None:
    data = zipped(FILES)
    maker.server.put("archive.zip", data)
    record = maker.make(Wanted("archive.zip", len(data), md5(data), unpack=True))
    assert maker.found() == FILES
    assert record.count == len(FILES)
    assert list(Shelf(maker.base).root.rglob("*.table")) == []


def test_the_data_are_closed_to_writers(maker: Maker) -> None:
    data = zipped({"a/b": b"c"})
    maker.server.put("archive.zip", data)
    maker.make(Wanted("archive.zip", len(data), unpack=True))
    root = Shelf(maker.base).files("d")
    modes = {path.name: path.stat().st_mode & 0o777 for path in [root, *root.rglob("*")]}
    assert modes == {"files": 0o555, "a": 0o555, "b": 0o444}


def test_unpacking_takes_no_room_for_the_archive_besides(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}.bin": noise(400_000, n) for n in range(20)}
    data = zipped(files, zipfile.ZIP_STORED)
    maker.server.put("archive.zip", data)
    taken = []
    write = staging.Staging.write

    def measured(self: staging.Staging, path: str, pieces: object) -> None:
        write(self, path, pieces)  # type: ignore[arg-type]
        found = [p.stat().st_blocks * 512 for p in maker.base.rglob("*") if p.is_file()]
        taken.append(sum(found))

    monkeypatch.setattr(staging.Staging, "write", measured)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    maker.make(Wanted("archive.zip", len(data), unpack=True))
    assert len(taken) == 20
    assert max(taken) < 1.15 * len(data)


def test_where_the_disk_is_tight_a_large_member_is_given_up_behind_its_reader(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped({"a.bin": noise(6 * MEGABYTE)}, zipfile.ZIP_STORED)
    maker.server.put("archive.zip", data)
    free = [room.free_bytes]
    monkeypatch.setattr(room, "free_bytes", lambda folder: MEGABYTE)
    forgotten = []
    forget = part.Part.forget

    def noted(self: part.Part, start: int, end: int) -> None:
        forgotten.append((start, end))
        forget(self, start, end)

    monkeypatch.setattr(part.Part, "forget", noted)
    maker.make(Wanted("archive.zip", len(data), md5(data), unpack=True))
    assert forgotten and free
    assert maker.found() == {"a.bin": noise(6 * MEGABYTE)}


def test_unpacking_goes_on_after_its_end_and_fetches_nothing_again(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped(FILES)
    maker.server.put("archive.zip", data)
    wanted = Wanted("archive.zip", len(data), md5(data), unpack=True)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    write, written = staging.Staging.write, iter(range(10_000))

    def broken(self: staging.Staging, path: str, pieces: object) -> None:
        if next(written) == 300:
            raise OSError(errno.EIO, "the disk broke")
        write(self, path, pieces)  # type: ignore[arg-type]

    monkeypatch.setattr(staging.Staging, "write", broken)
    with pytest.raises(OSError, match="the disk broke"):
        maker.make(wanted)
    asked = len(maker.server.asked)
    maker.make(wanted)
    assert len(maker.server.asked) == asked
    assert next(written) < len(FILES) + 3  # what was finished was not written again
    assert maker.found() == FILES


@pytest.mark.parametrize("name", ["archive.zip", "archive.tar", "archive.tgz"])
def test_a_maker_that_is_killed_at_the_very_end_costs_no_request(
    maker: Maker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    modes = {"archive.tar": "w", "archive.tgz": "w:gz"}
    data = tarred(FILES, modes[name]) if name in modes else zipped(FILES)
    maker.server.put(name, data)
    wanted = Wanted(name, len(data), md5(data), unpack=True)

    def killed(self: Shelf, record: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as broken, pytest.raises(InterruptedError):
        broken.setattr(Shelf, "finish", killed)
        maker.make(wanted)
    asked = len(maker.server.asked)
    maker.make(wanted)
    assert len(maker.server.asked) == asked
    assert maker.found() == FILES
    assert not (Shelf(maker.base).folder("d") / "parts").exists()


def test_one_member_can_be_wanted_alone(maker: Maker) -> None:
    data = zipped({"a/b.txt": b"b", "c.txt": b"c"})
    maker.server.put("archive.zip", data)
    maker.make(Wanted("archive.zip", len(data), unpack=True, only="a/b.txt"))
    assert maker.found() == {"a/b.txt": b"b"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_are_unpacked(maker: Maker, mode: str) -> None:
    few = {f"./{name}": FILES[name] for name in list(FILES)[-60:]}
    data = tarred(few, mode)
    maker.server.put("x/archive.tar", data)
    maker.make(Wanted("x/archive.tar", len(data), unpack=True))
    assert maker.found() == {f"x/{name[2:]}": data for name, data in few.items()}


def test_one_packed_file_is_unpacked_under_its_name(maker: Maker) -> None:
    maker.server.put("train.csv.gz", gzip.compress(b"a,b\n" * 1000))
    maker.make(Wanted("train.csv.gz", unpack=True))
    assert maker.found() == {"train.csv": b"a,b\n" * 1000}


def test_what_is_no_archive_stays_as_it_is(maker: Maker) -> None:
    maker.server.put("archive.zip", b"a,b\n1,2\n")
    maker.make(Wanted("archive.zip", unpack=True))
    assert maker.found() == {"archive.zip": b"a,b\n1,2\n"}


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_no_member_leaves_the_folder(maker: Maker, kind: str, name: str) -> None:
    make = zipped if kind == "zip" else lambda files: tarred(files, "w:gz")
    maker.server.put("archive", make({"fine": b"1", name: b"2"}))
    with pytest.raises(UnsafePathError, match="out"):
        maker.make(Wanted("archive", unpack=True))
    assert list(maker.base.rglob("out")) == []


def test_links_that_lead_out_are_left_out_and_told(maker: Maker) -> None:
    out, inside = tarfile.TarInfo("out"), tarfile.TarInfo("in")
    device = tarfile.TarInfo("device")
    device.type = tarfile.CHRTYPE
    for info, target in ((out, "../../../etc/passwd"), (inside, "a.txt")):
        info.type, info.linkname = tarfile.SYMTYPE, target
    maker.server.put("a.tar", tarred({"a.txt": b"1"}, "w", out, inside, device))
    record = maker.make(Wanted("a.tar", unpack=True))
    assert maker.found() == {"a.txt": b"1", "in": b"1"}
    assert "2 entries" in record.notes[0]


def test_a_link_is_no_way_out_for_the_members_behind_it(maker: Maker, tmp_path: Path) -> None:
    link = tarfile.TarInfo("d")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(link)
        info = tarfile.TarInfo("d/file")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"1"))
    maker.server.put("a.tar", made.getvalue())
    maker.make(Wanted("a.tar", unpack=True))
    assert maker.found() == {"d/file": b"1"}
    assert not (tmp_path / "file").exists()


def test_a_member_that_is_larger_than_announced_is_refused(maker: Maker) -> None:
    data = bytearray(zipped({"a": b"x" * 100_000}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    maker.server.put("a.zip", bytes(data))
    with pytest.raises(CorruptDataError, match="not whole"):
        maker.make(Wanted("a.zip", unpack=True))


def test_members_that_share_bytes_are_refused(maker: Maker) -> None:
    data = bytearray(zipped({"a": noise(1000), "b": noise(1000, 2)}))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = (10).to_bytes(4, "little")
    maker.server.put("a.zip", bytes(data))
    with pytest.raises(CorruptDataError, match="overlap"):
        maker.make(Wanted("a.zip", unpack=True))


def test_a_damaged_member_is_refused(maker: Maker) -> None:
    data = bytearray(zipped({"a": noise(1000)}, zipfile.ZIP_STORED))
    data[500] ^= 1
    maker.server.put("a.zip", bytes(data))
    with pytest.raises(CorruptDataError, match="'a' is not whole"):
        maker.make(Wanted("a.zip", unpack=True))


def test_a_packed_archive_whose_checksum_is_wrong_is_refused(maker: Maker) -> None:
    data = bytearray(tarred({"a": noise(100_000)}, "w:gz"))
    data[-5] ^= 1  # of the CRC-32 at the end, before the length
    maker.server.put("a.tar.gz", bytes(data))
    with pytest.raises(CorruptDataError, match="CRC"):
        maker.make(Wanted("a.tar.gz", unpack=True))


def test_a_damaged_archive_without_a_digest_is_fetched_anew_another_time(maker: Maker) -> None:
    right = tarred({"a": noise(100_000)}, "w:gz")
    maker.server.put("a.tar.gz", right[:5000] + bytes(1000) + right[6000:])
    with pytest.raises(CorruptDataError):
        maker.make(Wanted("a.tar.gz", unpack=True))
    maker.server.put("a.tar.gz", right)
    maker.make(Wanted("a.tar.gz", unpack=True))
    assert maker.found() == {"a": noise(100_000)}


def test_what_does_not_fit_is_refused_with_both_numbers_before_it_is_fetched(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = noise(4 * MEGABYTE, 3) + zipped({"zeros": bytes(60 * MEGABYTE)})
    maker.server.put("a.zip", data)
    real = os.statvfs(maker.base)

    def statvfs(path: object) -> os.statvfs_result:
        room_left = 30 * MEGABYTE // real.f_frsize
        return os.statvfs_result((*real[:4], room_left, *real[5:]))

    monkeypatch.setattr(os, "statvfs", statvfs)
    # what begins with something else is no archive for us
    with_head = bytearray(data)
    with_head[:4] = b"PK\x03\x04"
    maker.server.files["a.zip"].data = bytes(with_head)
    with pytest.raises(DiskFullError, match=r"d needs 6\d\.\d MB more .* 31\.\d MB are free"):
        maker.make(Wanted("a.zip", len(data), unpack=True), workers=1)
    fetched = sum(
        int(last) - int(first) + 1
        for first, _, last in (
            text.removeprefix("bytes=").partition("-") for text in maker.server.ranges("a.zip")
        )
    )
    assert fetched < len(data)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.root
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("many.zip", lambda: zipped({f"{n}": noise(MEGABYTE, n) for n in range(18)})),
        ("one.zip", lambda: zipped({"one": noise(18 * MEGABYTE)})),
        ("a.tar", lambda: tarred({f"{n}": noise(MEGABYTE, n) for n in range(18)}, "w")),
        ("a.tgz", lambda: tarred({f"{n}": noise(MEGABYTE, n) for n in range(18)}, "w:gz")),
    ],
)
def test_a_disk_that_cannot_hold_both_is_enough(
    maker: Maker, small_disk: Path, name: str, make: Callable[[], bytes]
) -> None:
    data = make()
    maker.base = small_disk
    maker.server.put(name, data)
    record = maker.make(Wanted(name, len(data), md5(data), unpack=True))
    assert record.bytes == 18 * MEGABYTE
    parts = sorted(maker.found().items(), key=lambda one: (len(one[0]), one[0]))
    whole = (
        noise(18 * MEGABYTE)
        if name == "one.zip"
        else b"".join(noise(MEGABYTE, n) for n in range(18))
    )
    assert b"".join(data for _, data in parts) == whole


@pytest.mark.root
def test_a_disk_that_fills_up_meanwhile_keeps_what_arrived(maker: Maker, small_disk: Path) -> None:
    data = noise(20 * MEGABYTE)
    maker.base = small_disk
    kept = maker.server.put("a.bin", data)
    hog = small_disk / "hog"

    def fill() -> None:
        if not hog.exists():
            hog.write_bytes(bytes(8 * MEGABYTE))

    kept.before = fill
    with pytest.raises(DiskFullError, match=r"^a.bin needs"):
        maker.make(Wanted("a.bin", len(data), md5(data)), workers=2)
    hog.unlink()
    kept.before = lambda: None
    before = len(maker.server.asked)
    maker.make(Wanted("a.bin", len(data), md5(data)), workers=2)
    again = [one.range.removeprefix("bytes=").split("-") for one in maker.server.asked[before:]]
    assert sum(int(last) - int(first) + 1 for first, last in again) < 10 * MEGABYTE
    assert maker.found() == {"a.bin": data}
