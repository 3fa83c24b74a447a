"""A project follows its files both ways: both halves, without a connection."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.tree import FOLDER, LinkEntry
from jupyter_remote_gpu.errors import ConnectionLostError, FilesError
from jupyter_remote_gpu.files.plan import Do, Step
from jupyter_remote_gpu.protocol import messages, project
from jupyter_remote_gpu.session.sync import SMALL_BYTES
from jupyter_remote_gpu.session.sync_meanwhile import Meanwhile
from tests.files.trees import change_somewhere, read, write
from tests.session.wiring import Wired

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")


def test_a_days_work(wired: Wired) -> None:
    here, there = wired.here, wired.there
    weights = random.Random(1).randbytes(3_000_000)
    write(here, {"train.py": "x = 1", "lib/net.py": "y", ".env": "KEY=1", ".gitignore": "*.pt\n"})
    write(here, {"w.bin": weights, "run.sh": "#!/bin/sh"})
    assert wired.run() == ("sent 5 files (3.0 MB)",)
    assert {"train.py", "lib/net.py", "w.bin"} < read(there).keys()
    assert ".env" not in read(there)
    # What a run writes comes back, also what is never sent, and nothing goes there again.
    wired.kinds()
    wired.run(lambda: write(there, {"out/loss.csv": "1,2", "out/model.pt": "weights"}))
    assert (here / "out/model.pt").read_text() == "weights"
    assert wired.kinds() == ["look_project"]
    # Nothing changed: nothing is said. A small edit goes with the run's own request.
    wired.run()
    assert wired.kinds() == []
    write(here, {"train.py": "x = 2"})
    wired.run(lambda: write(there, {"seen": (there / "train.py").read_text()}))
    assert (here / "seen").read_text() == "x = 2"
    assert wired.kinds() == ["look_project"]
    # An insertion in a large file moves little, a renamed folder nothing.
    write(here, {"w.bin": weights[:1_000_000] + b"inserted" + weights[1_000_000:]})
    (here / "lib").rename(here / "nets")
    report = wired.sync.sync()
    assert read(there)["nets/net.py"] == "y"
    assert (there / "w.bin").read_bytes() == (here / "w.bin").read_bytes()
    assert report.bytes_out < 700_000


def test_an_edit_that_is_looked_at_during_a_run_goes_with_the_next_one(wired: Wired) -> None:
    write(wired.here, {"a.py": "1"})
    wired.run()
    write(wired.here, {"a.py": "2"})

    def work() -> None:
        write(wired.here, {"a.py": "3"})
        assert wired.sync.waiting() == ()
        with pytest.raises(FilesError):
            wired.sync.diff("a.py")  # looks at the files of here, as what comes later does

    wired.run(work)
    assert read(wired.there)["a.py"] == "2"
    wired.run()
    assert read(wired.there)["a.py"] == "3"


def test_what_both_change_is_kept_in_both_versions(wired: Wired) -> None:
    write(wired.here, {"a.py": "1"})
    wired.run()

    def work() -> None:
        write(wired.there, {"a.py": "theirs"})
        write(wired.here, {"a.py": "mine"})

    (line,) = wired.run(work)
    assert line.startswith("a.py was changed here and on box: the one of here stands")
    assert read(wired.here)["a.py"] == read(wired.there)["a.py"] == "mine"
    assert read(wired.here)["a.kept-from-box.py"] == "theirs"
    assert "a.kept-from-box.py" not in read(wired.there)
    assert wired.run() == ()


def test_deletions_go_both_ways(wired: Wired) -> None:
    write(wired.here, {"a": "1", "b": "2", "f/c": "3"})
    wired.run()
    (wired.here / "a").unlink()
    lines = wired.run(lambda: (wired.there / "f/c").unlink())
    assert not (wired.there / "a").exists()
    assert read(wired.here).keys() == {"b", "f"}
    assert lines == ("deleted here too: f/c",)


def test_a_lost_workspace_is_made_again_and_nothing_is_deleted_here(wired: Wired) -> None:
    import shutil

    write(wired.here, {"a": "1", "f/b": "2"})
    wired.run()
    shutil.rmtree(wired.there)
    wired.restart()
    wired.sync.sync()
    assert read(wired.here) == read(wired.there) == {"a": "1", "f": None, "f/b": "2"}


def test_another_process_goes_on_where_this_one_was(wired: Wired) -> None:
    write(wired.here, {f"{n}.txt": f"{n}" for n in range(50)})
    wired.run()
    wired.sync.close()
    wired.restart()
    write(wired.here, {"3.txt": "new"})
    (wired.here / "4.txt").unlink()
    wired.sync = wired.opened()
    report = wired.sync.sync()
    assert sorted((one.path, one.deleted) for one in report.sent) == [
        ("3.txt", False),
        ("4.txt", True),
    ]
    assert report.bytes_back < 1000, "the machine knew what was agreed on"


def test_what_is_not_trusted_brings_data_alone(tmp_path: Path) -> None:
    wired = Wired(tmp_path, trusted=False)
    write(wired.here, {"a.py": "1"})
    wired.run()

    def work() -> None:
        write(wired.there, {"a.py": "evil", "new.py": "evil", "loss.csv": "1", "m.pkl": "x"})

    wired.run(work)
    assert read(wired.here) == {"a.py": "1", "loss.csv": "1", "m.pkl": "x"}
    assert read(wired.there)["a.py"] == "1", "what came from here is put right there"
    found = {one.path: (one.changes_ours, one.unsafe) for one in wired.sync.waiting()}
    assert found == {"a.py": (True, False), "new.py": (False, False)}
    assert "-1" in wired.sync.diff("a.py")
    assert "+evil" in wired.sync.diff("a.py")
    terminal = wired.opened()
    assert terminal.accept(["new.py"]) == ("new.py",)
    terminal.close()
    assert [one.path for one in wired.sync.waiting()] == ["a.py"], "another process accepted it"
    assert (wired.here / "new.py").read_text() == "evil"
    assert wired.sync.reject(["a.py"]) == ("a.py",)
    wired.run()
    assert wired.sync.waiting() == ()
    assert read(wired.here)["a.py"] == "1"
    wired.close()


@pytest.mark.parametrize("seed", range(6))
def test_random_work_on_both_sides_loses_nothing(wired: Wired, seed: int) -> None:
    rnd = random.Random(seed)
    write(wired.here, {"start": "start"})
    for n in range(10):
        for root in (wired.here, wired.there):
            for k in range(rnd.randrange(4)):
                if root.exists():
                    change_somewhere(rnd, root, f"{root.name} {n} {k}")
        written = {
            text
            for root in (wired.here, wired.there)
            if root.exists()
            for text in read(root).values()
        }
        if rnd.random() < 0.2:
            wired.restart()
        if rnd.random() < 0.2:
            wired.sync.close()
            wired.sync = wired.opened()
        wired.run() if rnd.random() < 0.5 else wired.sync.sync()
        wired.sync.sync()
        here = {path: text for path, text in read(wired.here).items() if "kept-from" not in path}
        assert here == read(wired.there)
        new = {text for text in written if isinstance(text, str) and text.split()[1:2] == [str(n)]}
        assert new <= set(read(wired.here).values())


def test_the_dry_run_names_everything_and_changes_nothing(wired: Wired) -> None:
    write(wired.here, {"a.py": "1", ".env": "KEY=1", "f/b": "2"})
    found = {one.path: one.kind for one in wired.sync.dry_run().paths}
    assert found["a.py"] == "sent"
    assert found[".env"] == "looks like a secret"
    assert not os.listdir(wired.there)


def test_large_files_come_while_cells_go_on(wired: Wired) -> None:
    large = random.Random(2).randbytes(SMALL_BYTES + 1)
    wired.run()
    asked = threading.Event()

    def hold_back(message: messages.Message) -> None:
        if isinstance(message, project.GiveChunks) and threading.current_thread() != main:
            asked.wait(20)

    main = threading.current_thread()
    wired.before = hold_back
    wired.run(lambda: write(wired.there, {"out/m.pt": large, "out/loss.csv": "1"}))
    assert read(wired.here)["out/loss.csv"] == "1"
    assert "out/m.pt" not in read(wired.here)
    (coming,) = wired.sync.coming()
    assert (coming.file.path, coming.file.bytes) == ("out/m.pt", len(large))
    # The next cells do not wait for it, and it is not asked for twice.
    write(wired.here, {"a.py": "1"})
    wired.run()
    asked.set()
    wired.sync.sync()
    assert (wired.here / "out/m.pt").read_bytes() == large
    assert wired.sync.coming() == ()


def test_what_came_of_a_large_file_is_not_asked_for_again(wired: Wired) -> None:
    large = random.Random(3).randbytes(3 * SMALL_BYTES)
    wired.run()
    write(wired.there, {"m.pt": large})
    came = 0

    def break_off(message: messages.Message) -> None:
        nonlocal came
        if isinstance(message, project.GiveChunks) and not message.lists:
            came += 1
            if came > 5:
                raise ConnectionLostError("cut")

    wired.before = break_off
    with pytest.raises(ConnectionLostError):
        wired.sync.sync()
    wired.before = lambda message: None
    wired.sync.close()
    wired.sync = wired.opened()
    report = wired.sync.sync()
    assert (wired.here / "m.pt").read_bytes() == large
    assert report.bytes_back < 3 * SMALL_BYTES


def test_named_files_are_pulled_left_out_or_not(wired: Wired) -> None:
    write(wired.here, {"a.py": "1", ".remotegpuignore": "big/\n"})
    wired.run(lambda: write(wired.there, {"big/x.bin": "x", "big/y.txt": "y", "o/z": "z"}))
    assert "big/x.bin" not in read(wired.here)
    assert [one.path for one in wired.sync.pull(["big/*.bin"]).back] == ["big", "big/x.bin"]
    assert [one.path for one in wired.sync.pull(["big"]).back] == ["big/y.txt"]
    assert wired.sync.pull(["big", "o/"]).back == ()
    # What was changed here stays, and the machine's version lies beside it.
    write(wired.here, {"big/y.txt": "mine"})
    (conflict,) = wired.sync.pull(["big/y.txt"]).conflicts
    assert (wired.here / "big/y.txt").read_text() == "mine"
    assert (wired.here / conflict.other).read_text() == "y"
    with pytest.raises(FilesError, match="nothing called nowhere"):
        wired.sync.pull(["nowhere"])
    wired.run()
    assert (wired.there / "big/y.txt").read_text() == "y"


def test_what_a_long_run_writes_comes_while_it_goes_on(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_remote_gpu.session.sync.MEANWHILE_SECONDS", 0.05)
    wired.run()

    def work() -> None:
        with wired.sync.during_run():
            write(wired.there, {"train.log": "epoch 1\n", "m.pt": "first half"})
            until(lambda: (wired.here / "m.pt").exists())  # a walk would meet what is being staged
        assert read(wired.here)["train.log"] == "epoch 1\n"
        write(wired.there, {"m.pt": "all of it"})

    lines = wired.run(work)
    assert read(wired.here)["m.pt"] == "all of it"
    assert any("train.log" in line for line in lines), "what came meanwhile is told at the end"


def test_a_file_that_is_being_written_waits_and_a_log_does_not() -> None:
    seen = Meanwhile()
    log, model = (Step(path, Do.FETCH, None, FOLDER) for path in (b"a/train.log", b"m.pt"))
    seen.next_look()
    assert (seen.settled(log), seen.settled(model)) == (True, False)
    seen.next_look()
    assert not seen.settled(Step(b"m.pt", Do.FETCH, None, LinkEntry(b"x"))), "it changed"
    seen.next_look()
    assert seen.settled(Step(b"m.pt", Do.FETCH, None, LinkEntry(b"x")))


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_machine_that_lacks_most_files_deletes_none_here(wired: Wired) -> None:
    """As after a disk that came back half: what is here goes there again."""
    write(wired.here, {f"{n}.txt": f"{n}" for n in range(60)})
    wired.run()
    for n in range(50):
        (wired.there / f"{n}.txt").unlink()
    report = wired.sync.sync()
    assert len(read(wired.here)) == len(read(wired.there)) == 60
    assert report.back == ()


def test_what_a_side_cannot_hold_is_told_once_and_keeps_no_cell_from_running(wired: Wired) -> None:
    """A name that the machine will not write: each cell runs, and nothing is tried in between."""
    write(wired.here, {"a.py": "1", "git~1": "a repository's own on some systems"})
    (line,) = wired.run()
    assert "git~1" in line
    wired.kinds()
    wired.run()
    assert wired.kinds() == []
    assert read(wired.there).keys() == {"a.py"}


def test_a_package_that_was_imported_there_can_be_renamed(wired: Wired) -> None:
    write(wired.here, {"lib/net.py": "1", "lib/sub/x.py": "2"})
    caches = {"lib/__pycache__/net.cpython-311.pyc": "x", "lib/sub/__pycache__/x.pyc": "z"}
    wired.run(lambda: write(wired.there, caches))
    (wired.here / "lib").rename(wired.here / "nets")
    wired.run()
    wired.sync.sync()
    along = {"nets/__pycache__": None, "nets/__pycache__/net.cpython-311.pyc": "x"}
    along |= {"nets/sub/__pycache__": None, "nets/sub/__pycache__/x.pyc": "z"}
    assert read(wired.there) == {**read(wired.here), **along}
    assert "lib" not in read(wired.there)


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder has to be")
    wired = Wired(tmp_path)
    with pytest.raises(FilesError, match="cannot be kept in step"):
        wired.run()
    wired.close()
