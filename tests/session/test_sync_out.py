"""What a run's own request carries: what the machine has already is neither asked for nor sent."""

from __future__ import annotations

import random

import pytest

from jupyter_remote_gpu.agent import projects
from jupyter_remote_gpu.protocol import messages, project
from tests.files.trees import read, write
from tests.session.wiring import Wired

WEIGHTS = random.Random(1).randbytes(3_000_000)


@pytest.fixture
def wired(wired: Wired) -> Wired:
    """A project with a large file in a folder, on both sides."""
    write(wired.here, {"lib/w.bin": WEIGHTS, "lib/a.py": "a", "t.py": "t"})
    wired.run()
    wired.kinds()
    return wired


def test_a_renamed_folder_goes_with_the_run(wired: Wired) -> None:
    (wired.here / "lib").rename(wired.here / "nets")
    assert wired.run() == ()
    assert wired.kinds() == []
    assert read(wired.there) == read(wired.here)


def test_a_copy_goes_with_the_run(wired: Wired) -> None:
    write(wired.here, {"copy.bin": WEIGHTS})
    assert wired.run() == ()
    assert wired.kinds() == []
    assert (wired.there / "copy.bin").read_bytes() == WEIGHTS


def test_an_insertion_into_a_large_file_goes_with_the_run(wired: Wired) -> None:
    new = WEIGHTS[:1_000_000] + b"inserted" + WEIGHTS[1_000_000:]
    write(wired.here, {"lib/w.bin": new})
    assert wired.run() == ()
    assert wired.kinds() == []
    assert (wired.there / "lib/w.bin").read_bytes() == new


def test_what_the_machine_does_not_have_any_more_is_sent_all_the_same(wired: Wired) -> None:
    """Its agent was replaced and its index lost; then what it holds has to be found out anew."""
    wired.restart()
    for index in (wired.folder / "machine").rglob("project.index"):
        index.unlink()
    (wired.there / "lib/w.bin").write_bytes(b"overwritten")
    write(wired.here, {"copy.bin": WEIGHTS})
    wired.run()
    assert (wired.there / "copy.bin").read_bytes() == WEIGHTS
    assert (wired.here / "lib/w.bin").read_bytes() == b"overwritten"


def test_more_than_the_machine_s_store_may_hold_arrives(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file, or a whole project on a small disk: nothing of it goes before it is whole."""
    monkeypatch.setattr(projects, "MOST_STORE_BYTES", 2_000_000)
    wired.restart()
    chance = random.Random(2)
    write(wired.here, {f"w{n}.bin": chance.randbytes(4_000_000) for n in range(3)})
    wired.sync.sync()
    assert read(wired.there) == read(wired.here)
    write(wired.here, {"w3.bin": chance.randbytes(2_000_000)})
    wired.sync.sync()
    store = wired.folder / "machine" / "store" / "packs"
    assert sum(pack.stat().st_size for pack in store.iterdir()) < 4_000_000


def test_what_is_written_there_while_something_is_sent_comes_with_the_next_sync(
    wired: Wired,
) -> None:
    write(wired.here, {"new.py": "1"})

    def work(message: messages.Message) -> None:
        if isinstance(message, project.ChangeProject):
            write(wired.there, {"meanwhile.csv": "1,2"})

    wired.before = work
    wired.sync.sync()
    wired.before = lambda message: None
    wired.sync.sync()
    assert read(wired.here)["meanwhile.csv"] == "1,2"
