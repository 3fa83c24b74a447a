"""What lies on the shelf is whole, or is not believed to be there."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.datasets import part, shelf
from jupyter_remote_gpu.agent.datasets.shelf import Record, Shelf
from jupyter_remote_gpu.agent.datasets.staging import Staging
from jupyter_remote_gpu.errors import ProtocolError

KEY = "news-0123456789abcdef01234567"


@pytest.fixture
def made(tmp_path: Path) -> Shelf:
    """A shelf with one dataset of two files."""
    found = Shelf(tmp_path)
    staging = Staging(found.making(KEY) / "files")
    staging.write("a/b", [b"12345"])
    staging.write("c", [b"1"])
    count, size = staging.finish()
    boot = part.boot_name()
    found.finish(Record(KEY, "kaggle://o/news@1", "news", count, size, (), (), 1.0, boot))
    return found


def test_what_is_whole_is_there_and_closed(made: Shelf) -> None:
    record = made.record(KEY)
    assert record is not None
    assert (record.count, record.bytes) == (2, 6)
    assert [one["whole"] for one in made.listed()] == [True]


def test_after_a_restart_of_the_machine_it_is_counted(
    made: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "boot_name", lambda: "another start")
    assert made.record(KEY) is not None
    monkeypatch.setattr(shelf, "boot_name", lambda: "a third")
    os.chmod(made.files(KEY) / "c", 0o600)
    os.truncate(made.files(KEY) / "c", 0)  # as a disk does that lost what was written last
    assert made.record(KEY) is None
    assert not made.folder(KEY).exists()


def test_data_whose_record_was_lost_are_made_again(made: Shelf) -> None:
    record = made.record(KEY)
    assert record is not None
    (made.folder(KEY) / "record.json").write_text("")  # as a disk does after a power cut
    assert made.record(KEY) is None
    staging = Staging(made.making(KEY) / "files")
    staging.write("c", [b"2"])
    staging.finish()
    made.finish(record)
    assert (made.files(KEY) / "c").read_bytes() == b"2"
    assert [path.name for path in (made.root / ".making").iterdir()] == []


def test_what_was_made_is_there_though_its_maker_was_killed(made: Shelf) -> None:
    made.folder(KEY).rename(made.making(KEY))  # its last step
    assert made.record(KEY) is None
    record = made.finished(KEY)
    assert record is not None
    assert record == made.record(KEY)


def test_a_removal_that_was_killed_is_finished_by_a_later_one(made: Shelf) -> None:
    left = made.root / ".making" / f".gone-{KEY}-1-2"
    (left / "files").mkdir(parents=True)
    (left / "files" / "x").write_bytes(b"1" * 10_000)
    long_ago = time.time() - 2 * shelf.FORGOTTEN_SECONDS
    os.utime(left, (long_ago, long_ago))
    assert made.remove(KEY) > 10_000
    assert list((made.root / ".making").iterdir()) == []
    assert made.listed() == []


@pytest.mark.parametrize("key", ["../x", "", ".making", "a/b", "x\n"])
def test_a_key_leads_nowhere_else(made: Shelf, key: str) -> None:
    with pytest.raises(ProtocolError):
        made.folder(key)
