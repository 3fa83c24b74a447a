"""The question before much is sent."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import TooMuchError
from jupyter_remote_gpu.session.sync import ProjectSync
from tests.files.trees import read, write
from tests.session.wiring import WORKSPACE, Wired

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")
MOST = 5_000_000


def test_nothing_is_sent_before_the_user_has_said_yes(wired: Wired, files: ProjectSync) -> None:
    rest = {f"data/{n}.bin": random.Random(n).randbytes(1_000_000) for n in range(8)}
    write(wired.here, {"train.py": "1", **rest})
    with pytest.raises(TooMuchError) as caught:
        files.before_run()
    assert caught.value.message.endswith(
        "8.0 MB in 9 files that box does not have: nothing was sent"
    )
    assert "The most lies in data/ (8.0 MB). At " in (caught.value.hint or "")
    assert "A line `data/` in a file .remotegpuignore" in (caught.value.hint or "")
    assert not read(wired.there)
    # Told again, not forgotten; a look at what would happen is no sending.
    with pytest.raises(TooMuchError, match="8\\.0 MB in 9 files"):
        files.sync()
    assert len(files.dry_run().paths) == 10
    # All is known here now: what the machine lacks of it is the question.
    with pytest.raises(TooMuchError, match="8\\.0 MB in 9 files"):
        files.sync()
    assert not read(wired.there)
    files.let_all_go()
    assert len(files.sync().sent) == 10
    assert read(wired.there).keys() == read(wired.here).keys()


def _is_read(files: ProjectSync) -> bool:
    """Whether the stamp of some file says that it need not be read again."""
    known = files._sides.here.index.known.values()
    return any(one.settled and one.stamp[0] for one in known)


def test_what_was_read_before_is_counted_too(wired: Wired, files: ProjectSync) -> None:
    rest = {f"data/{n}.bin": random.Random(n).randbytes(1_000_000) for n in range(16)}
    write(wired.here, {"train.py": "1", **rest})
    with pytest.raises(TooMuchError, match="16\\.0 MB in 17 files"):
        files.before_run()
    # until what was read of it was known, the time before, to be what it is
    while not _is_read(files):
        with pytest.raises(TooMuchError, match="16\\.0 MB in 17 files"):
            files.sync()
    with pytest.raises(TooMuchError, match="16\\.0 MB in 17 files"):
        files.sync()
    (wired.here / "data/0.bin").unlink()
    with pytest.raises(TooMuchError, match="15\\.0 MB in 16 files"):
        files.sync()


def test_what_is_there_already_is_no_question(wired: Wired, files: ProjectSync) -> None:
    large = {f"data/{n}.bin": random.Random(n).randbytes(2_000_000) for n in range(4)}
    write(wired.here, large)
    wired.run()
    files.before_run()
    (wired.here / "data").rename(wired.here / "moved")
    files.sync()
    assert (wired.there / "moved/0.bin").read_bytes() == large["data/0.bin"]
    # Once said is not said for ever.
    files.let_all_go()
    files.before_run()
    write(
        wired.here, {f"more/{n}.bin": random.Random(9 + n).randbytes(2_000_000) for n in range(4)}
    )
    with pytest.raises(TooMuchError):
        files.before_run()


def test_what_a_run_wrote_comes_back_though_much_waits_here(
    wired: Wired, files: ProjectSync
) -> None:
    def work() -> None:
        write(wired.there, {"out.csv": "1"})
        write(wired.here, {"data.bin": random.Random(1).randbytes(MOST + 1)})

    wired.run(work, files)
    assert read(wired.here)["out.csv"] == "1"
    assert "data.bin" not in read(wired.there)
    with pytest.raises(TooMuchError):
        files.before_run()


@pytest.fixture
def files(wired: Wired, tmp_path: Path) -> Iterator[ProjectSync]:
    """A client that asks before it sends much, with a state of its own."""
    state = tmp_path / "other"
    found = ProjectSync(wired.here, state, "box", WORKSPACE, trusted=True, most_sent=MOST)
    found.use(wired.ask)
    yield found
    found.close()
