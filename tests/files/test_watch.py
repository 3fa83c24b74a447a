"""Watching: every change is in the answer, at once; where it cannot be, the watcher says so."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.files import watch as watching
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.watch import NoWatcher, Watcher, file_system, watch
from tests.files.trees import write

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="not relied upon there"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's folder."""
    write(tmp_path / "p", {"a.py": "a", "d/b.py": "b"})
    return tmp_path / "p"


@pytest.fixture
def watcher(root: Path) -> Iterator[Watcher]:
    """A watcher of that folder, asked once."""
    made = watch(root)
    if made.reason:
        pytest.skip(made.reason)
    assert made.changed() is None
    yield made
    made.close()


def test_a_change_is_in_the_very_next_answer(watcher: Watcher, root: Path) -> None:
    for i in range(50):
        (root / "a.py").write_text(f"a = {i}")
        found = watcher.changed()
        assert found is not None
        assert b"a.py" in found
    assert watcher.changed() == frozenset()


def test_a_folder_that_came_with_all_in_it(watcher: Watcher, root: Path) -> None:
    write(root, {"new/deep/x.py": "x", "new/y.py": "y"})
    found = watcher.changed()
    assert found is not None
    assert b"new" in found
    write(root, {"new/deep/later.py": "z"})
    found = watcher.changed()
    assert found is not None
    assert any(path in (b"new/deep/later.py", b"new/deep") for path in found)


def test_a_flood_means_everything(watcher: Watcher, root: Path) -> None:
    for i in range(3000):
        (root / f"f{i}").touch()
    assert watcher.changed() is None
    (root / "a.py").write_text("after")
    found = watcher.changed()
    assert found is None or b"a.py" in found


def test_with_a_watcher_a_project_is_always_as_it_is(watcher: Watcher, root: Path) -> None:
    """Random changes, deep folders that come and move: the index is that of a scan."""
    rnd = random.Random(1)
    project = Project(root, lambda: Ignore(root))
    project.scan()
    for n in range(60):
        for _ in range(rnd.randrange(4)):
            _random_change(rnd, root, n)
        found = watcher.changed()
        if found is None:
            project.scan()
        else:
            project.look_at(found)
        anew = Project(root, lambda: Ignore(root))
        anew.scan()
        assert project.index.tree() == anew.index.tree(), n


def _random_change(rnd: random.Random, root: Path, n: int) -> None:
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    path = rnd.choice(folders) / rnd.choice("abc")
    if path.is_dir():
        path.rename(root / f"m{n}-{rnd.randrange(10**6)}")
    elif path.exists():
        path.unlink() if rnd.random() < 0.5 else path.write_text(str(rnd.random()))
    elif rnd.random() < 0.5:
        write(path, {"x": "x", "deep/y": str(n)})
    else:
        path.write_text(str(n))


def test_where_watching_is_not_possible_it_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> Watcher:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr(watching, "SystemWatcher", refuse)
    made = watch(root)
    assert isinstance(made, NoWatcher)
    assert made.changed() is None
    assert made.reason
    made.close()


def test_the_kind_of_file_system_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "21 1 0:1 / / rw shared:1 - ext4 /dev/vda rw\n"
        "30 21 0:2 / /home rw - nfs4 server:/home rw\n"
        "31 30 0:3 / /home/u/my\\040disk rw,x - xfs /dev/vdb rw\n"
        "damaged line\n"
    )
    assert file_system(Path("/srv/x"), mounts) == "ext4"
    assert file_system(Path("/home/u/p"), mounts) == "nfs4"
    assert file_system(Path("/home/u/my disk/p"), mounts) == "xfs"
    assert file_system(Path("/x"), tmp_path / "missing") is None


def test_nothing_is_left_over(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    made = watch(root)
    made.changed()
    made.close()
    made.close()
    assert os.listdir(tmp_path / "temporary") == []


def test_a_name_in_no_encoding_is_told_as_it_is(watcher: Watcher, root: Path) -> None:
    (root / os.fsdecode(b"raw \xff")).mkdir()
    (root / os.fsdecode(b"raw \xff") / "x").write_text("1")
    assert watcher.changed() == frozenset({b"raw \xff"})
    (root / os.fsdecode(b"raw \xff") / "x").write_text("2")
    assert watcher.changed() == frozenset({b"raw \xff/x"})


def test_it_is_quiet_until_something_changes(watcher: Watcher, root: Path) -> None:
    assert watcher.quiet
    (root / "a.py").write_text("2")
    assert not watcher.quiet
    watcher.changed()
    assert watcher.quiet
    watcher.close()
    assert not watcher.quiet


def test_reports_that_ran_over_mean_everything(
    watcher: Watcher, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    one, other = (root / "a.py").open("wb", 0), (root / "d/b.py").open("wb", 0)
    for _ in range(most // 2 + 1):
        one.write(b"x")  # by turns: the same report twice in a row is one
        other.write(b"x")
    assert watcher.changed() is None
    one.write(b"x")
    assert watcher.changed() == frozenset({b"a.py"})
    one.close()
    other.close()


def test_a_root_that_is_gone_is_watched_no_more(watcher: Watcher, root: Path) -> None:
    root.rename(root.with_name("q"))
    assert watcher.changed() is None
    assert watcher.reason
    (root.with_name("q") / "a.py").write_text("2")
    assert watcher.changed() is None


def test_folders_that_take_each_other_s_place_are_followed(watcher: Watcher, root: Path) -> None:
    write(root, {"e/c.py": "c"})
    watcher.changed()
    (root / "d").rename(root / "x")
    (root / "e").rename(root / "d")
    (root / "x").rename(root / "e")
    watcher.changed()
    (root / "d/c.py").write_text("2")
    assert watcher.changed() == frozenset({b"d/c.py"})
    (root / "e/b.py").write_text("2")
    assert watcher.changed() == frozenset({b"e/b.py"})
    (root / "e").rename(root.with_name("away"))
    assert watcher.changed() == frozenset({b"e"})
    (root.with_name("away") / "b.py").write_text("3")
    assert watcher.changed() == frozenset()


def test_a_folder_made_again_while_somebody_is_in_the_old_one(watcher: Watcher, root: Path) -> None:
    held = os.open(root / "d", os.O_RDONLY)
    (root / "d/b.py").unlink()
    (root / "d").rmdir()
    write(root, {"d/n.py": "n"})
    assert b"d" in (watcher.changed() or ())
    os.close(held)  # only now the system reports the end of the old one
    watcher.changed()
    (root / "d/n.py").write_text("2")
    assert watcher.changed() == frozenset({b"d/n.py"})


@pytest.mark.skipif(os.getuid() == 0, reason="root may look into any folder")
def test_a_closed_folder_is_watched_once_it_is_open(watcher: Watcher, root: Path) -> None:
    (root / "d").chmod(0)
    (root / "d").rename(root / "closed")
    watcher.changed()
    (root / "closed").chmod(0o700)
    watcher.changed()
    (root / "closed/b.py").write_text("2")
    assert watcher.changed() == frozenset({b"closed/b.py"})
