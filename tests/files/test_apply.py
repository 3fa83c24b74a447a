"""Applying a tree: whole files only, never over somebody's change, never out of the folder."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry
from jupyter_remote_gpu.errors import DiskFullError, LackingError, UnsafePathError
from jupyter_remote_gpu.files import paths, placing, swap
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.folders import Folder
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.placing import Conflict, Placing
from jupyter_remote_gpu.files.staging import Change, other_names
from tests.files.trees import Chunks, Place, Plain, changes, read, with_folders, write
from tests.small_disk import small_disk

OLD: Plain = {
    "a.py": "a = 1",
    "d/b.py": "b = 1",
    "d/deep/c.txt": "c",
    "run.sh": "#!/bin/sh",
    "link": "-> a.py",
    "empty": None,
    "gone/x.py": "x",
}
NEW: Plain = {
    "a.py": "a = 2",
    "d/b.py": "b = 1",
    "d/deep/c.txt": "#! now a program",
    "run.sh": "no program any more",
    "link": "-> d",
    "new/n.py": "n",
    "new/größe Ω.txt": "unicode",
    "e": "was no file",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with the old tree."""
    return Place(tmp_path / "project", OLD)


@pytest.mark.parametrize("durable", [False, True])
def test_a_tree_becomes_another_one(place: Place, durable: bool) -> None:
    applied = place.become(NEW, durable=durable)
    assert read(place.root) == with_folders(NEW)
    assert (applied.conflicts, applied.refused) == ([], {})
    assert (place.root / "d/deep/c.txt").stat().st_mode & 0o111
    assert not (place.root / "run.sh").stat().st_mode & 0o111
    assert place.index.tree() == place.chunks.tree(NEW)
    assert place.project.scan().changed == {}


def test_applying_twice_changes_nothing(place: Place) -> None:
    place.become(NEW)
    before = {path: os.lstat(place.root / path).st_mtime_ns for path in NEW}
    applied = place.become(NEW)
    assert (applied.conflicts, applied.refused) == ([], {})
    assert {path: os.lstat(place.root / path).st_mtime_ns for path in NEW} == before


@pytest.mark.parametrize("seed", range(40))
def test_any_tree_becomes_any_other(tmp_path: Path, seed: int) -> None:
    rnd = random.Random(seed)
    one, two = _random_tree(rnd), _random_tree(rnd)
    place = Place(tmp_path / "p", one)
    applied = place.become(two)
    assert (applied.conflicts, applied.refused) == ([], {})
    assert read(place.root) == with_folders(two)
    assert place.project.scan().changed == {}
    assert place.index.tree() == place.chunks.tree(two)


def _random_tree(rnd: random.Random) -> dict[str, str | bytes | None]:
    tree: dict[str, str | bytes | None] = {}
    for _ in range(rnd.randrange(12)):
        path = "/".join(rnd.choice("abc") for _ in range(rnd.randrange(1, 4)))
        parents = [parent.as_posix() for parent in Path(path).parents][:-1]
        if path in with_folders(tree) or any(parent in tree for parent in parents):
            continue
        tree[path] = rnd.choice(["one", "two", "#!run", "-> a", "", None])
        if tree[path] is None:
            del tree[path]
            tree[path + "/f"] = "in a folder"
    return tree


def test_large_files_are_put_together(tmp_path: Path) -> None:
    rnd = random.Random(1)
    old = rnd.randbytes(3_000_000)
    new = old[:1_000_000] + b"inserted" + old[1_000_000:]
    place = Place(tmp_path / "p", {"w.bin": old})
    place.become({"w.bin": new})
    assert (place.root / "w.bin").read_bytes() == new


def test_a_renamed_folder_is_renamed(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {f"old/f{i}.py": f"{i}" for i in range(20)}
    place = Place(tmp_path / "p", files)
    inodes = {i: (place.root / f"old/f{i}.py").stat().st_ino for i in range(20)}
    place.chunks.asked.clear()
    place.become({f"new/f{i}.py": f"{i}" for i in range(20)})
    assert {i: (place.root / f"new/f{i}.py").stat().st_ino for i in range(20)} == inodes
    assert place.chunks.asked == []
    assert not (place.root / "old").exists()


def test_a_renamed_folder_takes_compiled_files_along(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {f"old/sub/f{i}.py": f"{i}" for i in range(3)}
    place = Place(tmp_path / "p", {**files, "old/a.py": "a"})
    folder = (place.root / "old").stat().st_ino
    compiled = place.root / "old/sub/__pycache__/f0.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"code")
    place.become({**{f"new/there/sub/f{i}.py": f"{i}" for i in range(3)}, "new/there/a.py": "a"})
    assert (place.root / "new/there").stat().st_ino == folder
    assert (place.root / "new/there/sub/__pycache__/f0.cpython-311.pyc").read_bytes() == b"code"
    assert not (place.root / "old").exists()


def test_what_is_not_ours_stays_where_a_folder_was(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", {"old/a.py": "a", "old/b.py": "b"})
    (place.root / "old/.env").write_text("TOKEN=1")
    applied = place.become({"new/a.py": "a", "new/b.py": "b"})
    assert not applied.refused
    assert read(place.root / "old") == {".env": "TOKEN=1"}
    assert read(place.root / "new") == {"a.py": "a", "b.py": "b"}


def test_a_folder_in_which_somebody_works_is_renamed_file_by_file(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", {"old/a.py": "a", "old/b.py": "b"})
    (place.root / "old/a.py").write_text("changed")
    place.become({"new/a.py": "a", "new/b.py": "b"})
    assert read(place.root / "old") == {"a.py": "changed"}
    assert read(place.root / "new") == {"a.py": "a", "b.py": "b"}


def test_a_folder_changed_in_the_last_moment_is_not_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "p", {"old/a.py": "a", "old/b.py": "b"})
    place_all = Placing.place

    def late(placing: Placing) -> None:
        (place.root / "old/c.py").write_text("just now")
        place_all(placing)

    monkeypatch.setattr(Placing, "place", late)
    applied = place.become({"new/a.py": "a", "new/b.py": "b"})
    assert set(applied.refused) == {b"new", b"new/a.py", b"new/b.py"}
    assert read(place.root / "old") == {"a.py": "a", "b.py": "b", "c.py": "just now"}
    assert not (place.root / "new").exists()


NEW_FOLDER: Plain = {
    "new/a.py": "a",
    "new/run.sh": "#! runs",
    "new/deep/b.bin": random.Random(2).randbytes(400_000),
    "new/deep/link": "-> ../a.py",
    "new/none": None,
}


@pytest.mark.parametrize("durable", [False, True])
def test_a_new_folder_is_put_into_its_place_as_a_whole(tmp_path: Path, durable: bool) -> None:
    place = Place(tmp_path / "p", {"kept": "x"})
    wanted = place.chunks.tree({"kept": "x", **NEW_FOLDER})
    done = changes(place.index.tree(), wanted)
    applier = Applier(place.root, place.index, place.chunks.get, who="box", durable=durable)
    assert applier.apply(done).done.keys() == wanted.keys() - {b"kept"}
    assert read(place.root) == with_folders({"kept": "x", **NEW_FOLDER})
    assert (place.root / "new/run.sh").stat().st_mode & 0o777 == 0o755
    assert (place.root / "new/a.py").stat().st_mode == (place.root / "kept").stat().st_mode
    assert not place.project.scan().changed


def test_a_new_folder_that_is_there_already_gets_its_files_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "p", {"kept": "x"})
    place_all = Placing.place

    def late(placing: Placing) -> None:
        write(place.root, {"new/mine.txt": "mine", "new/a.py": "my own"})
        place_all(placing)

    monkeypatch.setattr(Placing, "place", late)
    applied = place.become({"kept": "x", **NEW_FOLDER})
    assert applied.conflicts == [Conflict(b"new/a.py", b"new/a.kept-from-box.py")]
    there = read(place.root / "new")
    assert (there["a.py"], there["mine.txt"], there["a.kept-from-box.py"]) == (
        "my own",
        "mine",
        "a",
    )
    assert (there["deep/link"], there["none"]) == ("-> ../a.py", None)
    assert [name for name in os.listdir(place.root) if name.startswith(".~rgpu-")] == []


def test_rights_are_those_that_were(place: Place) -> None:
    (place.root / "a.py").chmod(0o640)
    place.project.scan()
    place.become({**OLD, "a.py": "#! a program"})
    assert (place.root / "a.py").stat().st_mode & 0o777 == 0o750


# ---- somebody else writes there too


def test_python_does_not_take_compiled_code_of_the_version_before(place: Place) -> None:
    program = [sys.executable, "-c", "import a; print(a.a)"]
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for number in range(3, 6):  # within a second or two, and all of one size
        files = {**OLD, "a.py": f"a = {number}"}
        place.become(files)
        place.tree = place.chunks.tree(files)
        shown = subprocess.run(
            program, cwd=place.root, env=environ, capture_output=True, text=True, check=True
        )
        assert shown.stdout == f"{number}\n"
        assert place.project.scan().changed == {}
    assert list(place.root.glob("__pycache__/a.*"))


def test_a_file_changed_here_stays_and_the_other_version_is_named(place: Place) -> None:
    write(place.root, {"a.py": "mine", "gone/x.py": "mine too", "new/n.py": "also mine"})
    applied = place.become(NEW)
    assert applied.conflicts == [
        Conflict(b"a.py", b"a.kept-from-box.py"),
        Conflict(b"new/n.py", b"new/n.kept-from-box.py"),
        Conflict(b"gone/x.py", None),
    ]
    found = read(place.root)
    assert found["a.py"] == "mine"
    assert found["a.kept-from-box.py"] == "a = 2"
    assert found["gone/x.py"] == "mine too"
    assert found["new/n.kept-from-box.py"] == "n"
    assert found["e"] == "was no file"
    assert b"a.py" not in applied.done


def test_what_is_so_already_is_no_conflict(place: Place) -> None:
    write(place.root, {"a.py": "a = 2", "new/n.py": "n"})
    (place.root / "gone/x.py").unlink()
    applied = place.become(NEW)
    assert (applied.conflicts, applied.refused) == ([], {})
    assert read(place.root) == with_folders(NEW)


def test_a_file_deleted_here_and_changed_there_comes_back(place: Place) -> None:
    (place.root / "a.py").unlink()
    assert place.become(NEW).conflicts == []
    assert (place.root / "a.py").read_text() == "a = 2"


def test_files_that_are_not_ours_keep_their_folder(place: Place) -> None:
    write(place.root, {"gone/mine.txt": "mine"})
    applied = place.become(NEW)
    assert applied.refused == {}
    assert read(place.root)["gone/mine.txt"] == "mine"
    assert "gone/x.py" not in read(place.root)


def test_a_folder_in_the_place_of_a_file(place: Place) -> None:
    (place.root / "a.py").unlink()
    write(place.root, {"a.py/inside.txt": "mine"})
    applied = place.become(NEW)
    assert applied.conflicts == [Conflict(b"a.py", b"a.kept-from-box.py")]
    assert read(place.root)["a.py/inside.txt"] == "mine"


def test_a_change_in_the_last_moment_is_not_lost(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the exchange somebody writes, in place and by renaming."""
    real = swap.exchange
    called: list[bytes] = []

    def exchange(one: Folder, old: bytes, two: Folder, new: bytes) -> bool:
        if new == b"a.py" and not called:
            called.append(new)
            (place.root / "mine").write_text("mine, in the last moment")
            os.replace(place.root / "mine", place.root / "a.py")
        return real(one, old, two, new)

    monkeypatch.setattr(placing, "exchange", exchange)
    applied = place.become(NEW)
    assert called == [b"a.py"]
    assert applied.conflicts == [Conflict(b"a.py", b"a.kept-from-box.py")]
    assert (place.root / "a.py").read_text() == "mine, in the last moment"


def test_a_file_system_that_cannot_exchange(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "exchange", lambda *_: False)
    write(place.root, {"link": "-> a.py"} if not (place.root / "link").is_symlink() else {})
    applied = place.become(NEW)
    assert (applied.conflicts, applied.refused) == ([], {})
    assert read(place.root) == with_folders(NEW)


# ---- bad input


@pytest.mark.parametrize(
    "path",
    [
        b"../x", b"/etc/x", b"a/../../x", b"", b"a//b", b".git/hooks/x", b"sub/.git/config",
        b".GIT/config", b".git ", b".Git./x", b"git~1/config", b".g\xe2\x80\x8cit/config",
        b".~rgpu-1/plan", b"a\0b",
    ],
)  # fmt: skip
def test_paths_that_could_do_harm_are_refused_before_anything_is_done(
    place: Place, path: bytes
) -> None:
    entry = place.chunks.entry("evil")
    wanted = [Change(b"new.py", None, entry), Change(path, None, entry)]
    with pytest.raises(UnsafePathError):
        Applier(place.root, place.index, place.chunks.get, who="box").apply(wanted)
    assert read(place.root) == with_folders(OLD)


def test_no_link_leads_out_of_the_folder(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.py").write_text("b = 1")
    (place.root / "d" / "b.py").unlink()
    (place.root / "d" / "deep" / "c.txt").unlink()
    (place.root / "d" / "deep").rmdir()
    (place.root / "d").rmdir()
    (place.root / "d").symlink_to(outside)
    applied = place.become({**OLD, "d/b.py": "b = 2", "d/deep/c.txt": "new"})
    assert set(applied.refused) == {b"d/b.py", b"d/deep/c.txt"}
    assert read(outside) == {"b.py": "b = 1"}
    applied = place.become({})
    assert read(outside) == {"b.py": "b = 1"}


def test_a_link_that_came_is_not_written_through(place: Place, tmp_path: Path) -> None:
    """One change makes a link, the next would write below it."""
    (tmp_path / "outside").mkdir()
    link = place.chunks.entry(f"-> {tmp_path / 'outside'}")
    wanted = [
        Change(b"out", None, link),
        Change(b"out/evil.py", None, place.chunks.entry("evil")),
    ]
    applied = Applier(place.root, place.index, place.chunks.get, who="box").apply(wanted)
    assert read(tmp_path / "outside") == {}
    assert len(applied.refused) + len(applied.conflicts) == 1


def test_a_chunk_that_is_lacking_leaves_everything_as_it_was(place: Place) -> None:
    tree = place.chunks.tree(NEW)
    entry = tree[b"new/n.py"]
    assert isinstance(entry, FileEntry)
    del place.chunks.held[entry.content.name]
    with pytest.raises(LackingError):
        Applier(place.root, place.index, place.chunks.get, who="box").apply(
            changes(place.tree, tree)
        )
    assert read(place.root) == with_folders(OLD)


@pytest.mark.root
@pytest.mark.parametrize("size", ["known", "unforeseen"])
def test_a_full_disk_leaves_everything_as_it_was(
    tmp_path: Path, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "20m"):
        if size == "unforeseen":
            monkeypatch.delattr(os, "statvfs")
        place = Place(disk / "p", OLD)
        rnd = random.Random(1)
        with pytest.raises(DiskFullError, match="no room"):
            place.become({**NEW, **{f"w{i}.bin": rnd.randbytes(5_000_000) for i in range(6)}})
        assert read(place.root) == with_folders(OLD)
        assert place.project.scan().changed == {}
        assert place.become(NEW).conflicts == []
        assert read(place.root) == with_folders(NEW)


def test_names_that_differ_in_case_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that ignores case the second is refused by name, and the first is whole."""
    monkeypatch.setattr(paths, "ignores_case", lambda _: True)
    applied = place.become({**OLD, "A.py": "other", "x/Y.py": "1", "x/y.py": "2"})
    assert set(applied.refused) == {b"A.py", b"x/y.py"}
    assert "a.py" in applied.refused[b"A.py"]
    assert read(place.root) == with_folders({**OLD, "x/Y.py": "1"})


def test_a_file_may_change_its_case(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ignores_case", lambda _: True)
    renamed = {("A.py" if name == "a.py" else name): text for name, text in OLD.items()}
    assert place.become(renamed).refused == {}
    assert read(place.root) == with_folders(renamed)


@pytest.mark.root
def test_a_file_system_that_ignores_case(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    image.write_bytes(bytes(8 << 20))
    commands = [["mkfs.vfat", str(image)], ["mount", "-o", "loop", str(image), str(disk)]]
    for command in commands:
        try:
            done = subprocess.run(command, check=False, capture_output=True)
        except FileNotFoundError:
            pytest.skip(f"there is no {command[0]}")
        if done.returncode:
            pytest.skip(f"{command[0]} does not work here")
    try:
        place = Place(disk / "p", {"a.py": "a", "d/b.py": "b"})
        applied = place.become({"a.py": "a", "A.py": "A", "d/b.py": "c"})
        assert set(applied.refused) == {b"A.py"}
        assert read(place.root) == {"a.py": "a", "d": None, "d/b.py": "c"}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (b"train.py", b"train.kept-from-my-box.py"),
        (b"Makefile", b"Makefile.kept-from-my-box"),
        (b".bashrc", b".bashrc.kept-from-my-box"),
        (b"n" * 255, b"n" * 238 + b".kept-from-my-box"),
    ],
)
def test_names_of_other_versions(name: bytes, first: bytes) -> None:
    names = list(other_names(name, "my box"))
    assert names[0] == first
    assert len(set(names)) == len(names)
    assert all(len(other) <= 255 for other in names)


def test_an_empty_change_makes_nothing(place: Place) -> None:
    assert place.become(OLD).done == {}
    tree: dict[bytes, Entry] = {b"empty": FOLDER}
    applied = Applier(place.root, Index(), Chunks().get, who="box").apply(changes({}, tree))
    assert applied.done == {b"empty": FOLDER}
