"""Much that is new goes in parts: each is in its place before the next has arrived."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent import projects
from jupyter_remote_gpu.errors import ConnectionLostError
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.session import sync_parts
from tests.files.trees import read, write
from tests.session.wiring import Wired

FILES = {f"d{n // 10}/deep/f{n:02}.bin": random.Random(n).randbytes(100_000 + n) for n in range(40)}


@pytest.fixture
def wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wired]:
    """A project of 4 MB, of which 512 KiB are a part."""
    monkeypatch.setattr(sync_parts, "PART_BYTES", 512 << 10)
    found = Wired(tmp_path)
    write(found.here, {**FILES, "a.py": "a", "link": "-> a.py", "empty": None})
    yield found
    found.close()


def _changes(wired: Wired) -> int:
    return sum(isinstance(one, project.ChangeProject) for one in wired.asked)


def test_everything_is_there_after_several_changes(wired: Wired) -> None:
    report = wired.sync.sync()
    assert read(wired.there) == read(wired.here)
    assert len(report.sent) == len(read(wired.here))
    assert _changes(wired) >= 7
    wired.asked.clear()
    assert not wired.sync.sync().sent
    assert _changes(wired) == 0


def test_hardly_anything_is_written_to_the_store(wired: Wired) -> None:
    wired.sync.sync()
    store = wired.folder / "machine" / "store" / "packs"
    assert sum(path.stat().st_size for path in store.iterdir()) < 1 << 20


def test_what_was_placed_before_a_cut_is_not_sent_again(wired: Wired) -> None:
    changed = 0

    def cut(message: messages.Message) -> None:
        nonlocal changed
        changed += isinstance(message, project.ChangeProject)
        if changed > 4:
            raise ConnectionLostError("cut")

    wired.before = cut
    with pytest.raises(ConnectionLostError):
        wired.sync.sync()
    there = {path: data for path, data in read(wired.there).items() if data is not None}
    assert there
    assert all(read(wired.here)[path] == data for path, data in there.items())
    wired.before = lambda message: None
    wired.asked.clear()
    wired.restart()
    report = wired.sync.sync()
    assert not {moved.path for moved in report.sent} & there.keys()
    assert read(wired.there) == read(wired.here)


def test_edits_and_what_goes_are_one_change_at_the_end(wired: Wired) -> None:
    write(wired.here, {"old/a.py": "a", "old/b.py": "b", "edited.bin": bytes(100_000)})
    wired.sync.sync()
    (wired.here / "old").rename(wired.here / "new")
    edited = random.Random(99).randbytes(700_000)
    more = {f"more/m{n}.bin": random.Random(100 + n).randbytes(300_000) for n in range(8)}
    write(wired.here, {"edited.bin": edited, **more})
    seen: list[bytes | str | None] = []
    wired.after = lambda message: (
        seen.append(read(wired.there)["edited.bin"])
        if isinstance(message, project.ChangeProject)
        else None
    )
    wired.sync.sync()
    assert seen[-1] == edited
    assert edited not in seen[:-1]
    assert len(seen) >= 3
    assert read(wired.there) == read(wired.here)


def test_a_file_that_changes_meanwhile_is_sent_as_it_is_then(wired: Wired) -> None:
    path = wired.here / "d3/deep/f39.bin"
    put = 0

    def edit(message: messages.Message) -> None:
        nonlocal put
        put += isinstance(message, project.PutChunks)
        if put == 2:
            path.write_bytes(b"another one")

    wired.before = edit
    wired.sync.sync()
    wired.before = lambda message: None
    wired.sync.sync()
    assert read(wired.there) == read(wired.here)


def test_a_file_larger_than_the_store_comes_with_others_before_it(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "MOST_STORE_BYTES", 1 << 20)
    write(wired.here, {"z.bin": random.Random(7).randbytes(20 << 20)})
    wired.sync.sync()
    assert read(wired.there) == read(wired.here)
    assert sum(isinstance(one, project.LackingChunks) for one in wired.asked) == 1, "sent once"
