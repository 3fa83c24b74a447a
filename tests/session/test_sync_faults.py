"""A sync meets what disks, names and other people do: nothing is lost, nobody waits for ever."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import DiskFullError
from tests.files.trees import read, write
from tests.session.wiring import Wired
from tests.small_disk import small_disk

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")


NAMES = (
    "größe.txt",
    "Ω/日本語.csv",
    "e\u0301.txt",
    "é.txt",
    "A.py",
    "a.py",
    "tab\there",
    " blank ",
)


def test_names_of_any_script_in_both_cases_go_both_ways(wired: Wired) -> None:
    write(wired.here, {name: f"here {i}" for i, name in enumerate(NAMES)})
    raw = os.fsdecode(b"not utf-8: \xff\xfe")
    write(wired.here, {raw: "raw"})
    wired.run(
        lambda: write(wired.there, {f"there-{name}": "there" for name in NAMES if "/" not in name})
    )
    assert read(wired.here) == read(wired.there)
    assert len(read(wired.here)) == 2 * len(NAMES) + 1


def test_a_link_that_leads_out_stays_a_link(wired: Wired, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("mine")
    (wired.here / "out").symlink_to(tmp_path / "outside")
    wired.run()
    assert os.readlink(wired.there / "out") == str(tmp_path / "outside")
    wired.run(lambda: write(wired.there, {"out/evil.txt": "written through it there"}))
    assert os.path.islink(wired.here / "out")
    assert not (wired.here / "out/evil.txt").is_file() or (tmp_path / "outside/evil.txt").exists()
    assert (tmp_path / "outside" / "secret.txt").read_text() == "mine"


@pytest.mark.parametrize("years", [-10, 10])
def test_no_clock_decides_anything(wired: Wired, years: int) -> None:
    """The machine's clock is years off: what it writes has such dates."""
    when = 1_800_000_000 + years * 31_000_000
    write(wired.here, {"a.txt": "1", "b.txt": "1"})
    wired.run()

    def work() -> None:
        write(wired.there, {"a.txt": "2", "c.txt": "new"})
        for name in ("a.txt", "b.txt", "c.txt"):
            os.utime(wired.there / name, (when, when))

    wired.run(work)
    assert read(wired.here) == {"a.txt": "2", "b.txt": "1", "c.txt": "new"}
    write(wired.here, {"a.txt": "3"})
    assert wired.run() == ()
    assert read(wired.there)["a.txt"] == "3"


def test_a_file_that_went_to_the_cloud_stays_on_the_machine(wired: Wired) -> None:
    write(wired.here, {"data.csv": "1,2", "t.py": "t"})
    wired.run()
    (wired.here / "data.csv").rename(wired.here / ".data.csv.icloud")
    wired.run()
    wired.sync.sync()
    assert read(wired.there) == {"data.csv": "1,2", "t.py": "t"}
    assert "cloud" in wired.sync.left_out[b"data.csv"].rule


def test_two_computers_that_use_one_workspace_lose_nothing(wired: Wired, tmp_path: Path) -> None:
    other = Wired(tmp_path, here="elsewhere")
    other.projects.close()
    other.projects = wired.projects
    other.sync = other.opened("state of elsewhere")
    write(wired.here, {"a.txt": "a", "shared.txt": "0"})
    wired.run()
    other.run()
    assert read(other.here) == read(wired.here)
    for turn in range(3):
        write(wired.here, {"a.txt": f"a{turn}", "shared.txt": f"one {turn}"})
        write(other.here, {"b.txt": f"b{turn}", "shared.txt": f"two {turn}"})
        wired.run()
        other.run()
        wired.run()
        versions = {*read(wired.here).values(), *read(other.here).values()}
        assert {f"a{turn}", f"b{turn}", f"one {turn}", f"two {turn}"} <= versions
    other.run()
    assert read(wired.there).items() <= read(wired.here).items()
    other.sync.close()


def test_a_file_that_never_stands_still_holds_nothing_up(wired: Wired) -> None:
    write(wired.here, {"log.txt": "0", "t.py": "t"})
    over = threading.Event()

    def scribble() -> None:
        n = 0
        while not over.wait(0.001):
            n += 1
            (wired.here / "log.txt").write_text(str(n))

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        for _ in range(5):
            wired.run()
        assert read(wired.there)["t.py"] == "t"
    finally:
        over.set()
        writer.join()
    wired.run()
    assert read(wired.there) == read(wired.here)


@pytest.mark.root
@pytest.mark.parametrize("side", ["here", "machine"])
def test_a_full_disk_is_told_and_leaves_whole_files(tmp_path: Path, side: str) -> None:
    with small_disk(tmp_path / side, "24m"):
        wired = Wired(tmp_path)
        try:
            write(wired.here, {"a.txt": "a", "w.bin": b"old"})
            wired.run()
            ours, theirs = (
                (wired.here, wired.there) if side == "machine" else (wired.there, wired.here)
            )
            write(ours, {"w.bin": random.Random(1).randbytes(30_000_000)})
            with pytest.raises(DiskFullError, match="no room"):
                wired.sync.sync()
            assert (theirs / "w.bin").read_bytes() == b"old"
            assert [p.name for p in theirs.rglob("*") if ".~rgpu" in p.name] == []
            write(ours, {"w.bin": b"small again"})
            wired.sync.sync()
            assert read(wired.here) == read(wired.there) == {"a.txt": "a", "w.bin": "small again"}
        finally:
            wired.close()
