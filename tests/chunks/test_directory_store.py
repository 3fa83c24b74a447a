"""The store in a folder: other processes, damage, killed writers, full disks."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.directory_store import DirectoryStore
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.errors import DiskFullError, LackingError
from tests.chunks.store_suite import *  # noqa: F403
from tests.chunks.store_suite import chunk
from tests.small_disk import small_disk


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryStore]:
    """An empty store in a folder."""
    made = DirectoryStore(tmp_path / "store")
    yield made
    made.close()


def test_it_is_all_there_when_opened_again(tmp_path: Path) -> None:
    first = DirectoryStore(tmp_path)
    first.add(chunk(i) for i in range(100))
    first.keep("me", [chunk(7)[0]])
    first.close()
    again = DirectoryStore(tmp_path)
    assert again.get(chunk(50)[0]) == chunk(50)[1]
    again.trim(0)
    assert again.having(chunk(i)[0] for i in range(100)) == {chunk(7)[0]}
    again.close()


def test_two_processes_see_each_other(tmp_path: Path) -> None:
    one, two = DirectoryStore(tmp_path), DirectoryStore(tmp_path)
    one.add([chunk(1)])
    assert two.get(chunk(1)[0]) == chunk(1)[1]
    one.trim(0)
    assert two.having([chunk(1)[0]]) in ({chunk(1)[0]}, set())
    two.close()
    with pytest.raises(LackingError):
        two.get(chunk(1)[0])
    assert two.having([chunk(1)[0]]) == set()
    one.close()


@pytest.mark.parametrize("how", ["flipped", "cut", "emptied"])
def test_damage_is_never_given_out(store: DirectoryStore, tmp_path: Path, how: str) -> None:
    store.add([chunk(1), chunk(2)])
    (path,) = (tmp_path / "store" / "packs").iterdir()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes({"flipped": bytes(data), "cut": bytes(data[:-500]), "emptied": b""}[how])
    with pytest.raises(LackingError):
        store.get(chunk(2)[0])
    assert store.having([chunk(2)[0]]) == set()
    store.add([chunk(2)])
    assert store.get(chunk(2)[0]) == chunk(2)[1]
    again = DirectoryStore(tmp_path / "store")
    assert again.get(chunk(2)[0]) == chunk(2)[1]
    again.trim(0)
    assert list((tmp_path / "store" / "packs").iterdir()) == []


def test_many_small_packs_become_few(store: DirectoryStore, tmp_path: Path) -> None:
    for i in range(200):
        store.add([chunk(i)])
    store.trim(1 << 30)
    assert len(list((tmp_path / "store" / "packs").iterdir())) < 10
    assert store.having(chunk(i)[0] for i in range(200)) == {chunk(i)[0] for i in range(200)}


def test_it_stays_below_its_limit(tmp_path: Path) -> None:
    small = DirectoryStore(tmp_path, limit_bytes=300_000)
    for i in range(50):
        small.add([chunk(i, 50_000)])
    assert small.used_bytes() <= 300_000
    assert small.get(chunk(49, 50_000)[0]) == chunk(49, 50_000)[1]
    small.close()


def test_a_writer_killed_half_way_leaves_nothing_but_a_part(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from jupyter_remote_gpu.chunks.directory_store import DirectoryStore\n"
        "from tests.chunks.store_suite import chunk\n"
        "os.replace = lambda *_: os._exit(9)\n"
        "DirectoryStore(Path(sys.argv[1])).add([chunk(1)])\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=root, check=False, timeout=60
    )
    assert done.returncode == 9
    (part,) = (tmp_path / "packs").iterdir()
    store = DirectoryStore(tmp_path)
    assert store.having([chunk(1)[0]]) == set()
    store.trim(1 << 30)
    assert part.exists()
    os.utime(part, (1, 1))
    store.trim(1 << 30)
    assert list((tmp_path / "packs").iterdir()) == []


@pytest.mark.root
def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "1m"):
        store = DirectoryStore(disk)
        kept = [chunk(i, 100_000) for i in range(5)]
        store.add(kept)
        store.keep("me", [name for name, _ in kept])
        store.add([chunk(i, 100_000) for i in range(10, 13)])
        # What nobody keeps makes room for what comes.
        store.add([chunk(i, 100_000) for i in range(20, 23)])
        assert store.having([chunk(20, 100_000)[0]]) == {chunk(20, 100_000)[0]}
        with pytest.raises(DiskFullError, match="no room"):
            store.add([chunk(i, 300_000) for i in range(30, 35)])
        assert [store.get(name) for name, _ in kept] == [data for _, data in kept]
        assert [path.suffix for path in (disk / "packs").iterdir()].count(".part") == 0
        store.close()


def test_what_comes_in_small_pieces_is_put_together(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    chunks = [(name_of(b"%d" % n), b"%d" % n) for n in range(600)]
    for one in chunks:
        store.add([one])
    files = list((tmp_path / "packs").iterdir())
    assert len(files) < 300
    assert store.used_bytes() == sum(file.stat().st_size for file in files)
    assert all(store.get(name) == data for name, data in chunks)
    store.close()


def test_what_is_kept_beyond_the_limit_is_not_looked_through_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStore(tmp_path, limit_bytes=100_000)
    rnd = random.Random(1)
    chunks = [(name_of(data), data) for data in (rnd.randbytes(2_500) for _ in range(200))]
    store.keep("a large file that comes", [name for name, _ in chunks])
    trims: list[int] = []
    trim = store.trim

    def counted(most_bytes: int) -> int:
        trims.append(most_bytes)
        return trim(most_bytes)

    monkeypatch.setattr(store, "trim", counted)
    for one in chunks:
        store.add([one])
    assert all(store.get(name) == data for name, data in chunks)
    assert 0 < len(trims) < 60
    store.release("a large file that comes")
    store.add([(name_of(bytes(30_000)), bytes(30_000))])
    assert store.used_bytes() <= 100_000
    store.close()
