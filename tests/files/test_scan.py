"""The tree of a project: what changed is found and read, what cannot be read is not lost."""

from __future__ import annotations

import os
import random
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import content_of, pieces_of
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry
from jupyter_remote_gpu.errors import FilesError
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.look import Found
from jupyter_remote_gpu.files.scan import Project, relative
from jupyter_remote_gpu.files.verdict import Why

Make = Callable[[dict[str, str | bytes | None]], Project]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, with no global ignore file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def make(root: Path) -> Make:
    """Fills the project with files (None: a folder) and opens it."""

    def make(files: dict[str, str | bytes | None]) -> Project:
        _write(root, files)
        return Project(root, lambda: Ignore(root))

    return make


def _write(root: Path, files: dict[str, str | bytes | None]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir()
        else:
            path.write_bytes(text.encode() if isinstance(text, str) else text)


def _changed(found: Found) -> set[bytes]:
    return set(found.changed)


def test_everything_is_found_once(make: Make, root: Path) -> None:
    project = make({"a.py": "a", "d/b.py": "b", "empty": None, "größe/Ω.txt": "x"})
    os.symlink("../elsewhere", root / "link")
    (root / "run.sh").write_text("#!/bin/sh")
    (root / "run.sh").chmod(0o755)
    found = project.scan()
    tree = project.index.tree()
    assert found.changed == tree
    assert set(tree) == {
        b"a.py",
        b"d",
        b"d/b.py",
        b"empty",
        "größe".encode(),
        "größe/Ω.txt".encode(),
        b"link",
        b"run.sh",
    }
    assert tree[b"d"] == tree[b"empty"] == FOLDER
    assert tree[b"link"] == LinkEntry(b"../elsewhere")
    assert _file(tree[b"run.sh"]).executable
    assert not _file(tree[b"a.py"]).executable
    assert project.scan().changed == {}


def _file(entry: Entry) -> FileEntry:
    assert isinstance(entry, FileEntry)
    return entry


def test_only_what_changed_is_found_and_read(make: Make, root: Path) -> None:
    project = make({f"d{i % 7}/f{i}.py": f"{i}" for i in range(200)})
    project.scan()
    (root / "d3/f3.py").write_text("edited")
    (root / "d0/f0.py").unlink()
    _write(root, {"new/n.py": "n"})
    found = project.scan()
    assert _changed(found) == {b"d3/f3.py", b"d0/f0.py", b"new", b"new/n.py"}
    assert found.changed[b"d0/f0.py"] is None


def test_settled_files_are_not_read_again(make: Make, root: Path) -> None:
    project = make({"a.py": "a" * 1000, "b.py": "b" * 1000})
    found = project.scan()
    assert found.read_bytes == 2000
    while not all(known.settled for known in project.index.known.values()):
        found = project.scan()
    assert project.scan().read_bytes == 0
    (root / "b.py").write_text("c" * 1000)
    assert project.scan().read_bytes == 1000


def test_a_renamed_folder_is_not_read_again(make: Make, root: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    project = make(
        {"old/a.py": f"x = '{token}'", "old/big.bin": random.Random(1).randbytes(700_000)}
    )
    project.scan()
    while not all(known.settled for known in project.index.known.values()):
        project.scan()
    (root / "old").rename(root / "new")
    found = project.look_at([b"old", b"new"])
    assert found.read_bytes == 0
    assert _changed(found) == {
        *(b"old", b"old/a.py", b"old/big.bin"),
        *(b"new", b"new/a.py", b"new/big.bin"),
    }
    assert list(project.tokens) == [b"new/a.py"]
    assert project.index.pieces


def test_a_secret_that_was_let_through_by_name_is_one_again_elsewhere(
    make: Make, root: Path
) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "A" * 64 + "\n-----END RSA PRIVATE KEY-----\n"
    project = make({"old/a.txt": key, ".remotegpuignore": "!old/a.txt"})
    project.scan()
    while not all(known.settled for known in project.index.known.values()):
        project.scan()
    (root / "old").rename(root / "new")
    assert b"new/a.txt" in project.look_at([b"old", b"new"]).left_out
    assert b"new/a.txt" not in project.index.known


def test_a_change_within_one_tick_of_the_clock_is_found(make: Make, root: Path) -> None:
    """Size and times alike: only a stamp that was young enough to be mistrusted shows it."""
    project = make({"a.py": "aaaa"})
    project.scan()
    (root / "a.py").write_text("bbbb")
    assert _changed(project.scan()) == {b"a.py"}


def test_an_index_outlives_the_session(make: Make, root: Path, tmp_path: Path) -> None:
    project = make({"a.py": "a", "d/b.bin": random.Random(1).randbytes(700_000), "e": None})
    os.symlink("a.py", root / "link")
    project.scan()
    project.index.save(tmp_path / "index")
    loaded = Index.load(tmp_path / "index")
    assert loaded == project.index
    again = Project(root, lambda: Ignore(root), loaded)
    assert again.scan().changed == {}
    content = _file(again.index.tree()[b"d/b.bin"]).content
    assert sum(piece.size for piece in again.index.pieces[content.name]) == 700_000


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "missing", "other"])
def test_a_damaged_index_is_none(make: Make, tmp_path: Path, how: str) -> None:
    project = make({f"f{i}": "x" for i in range(20)})
    project.scan()
    path = tmp_path / "index"
    project.index.save(path)
    data = path.read_bytes()
    broken = {
        "cut": data[:-7],
        "flipped": data[:100] + bytes([data[100] ^ 1]) + data[101:],
        "empty": b"",
        "other": b"RGINDEX9" + data[8:],
    }
    path.unlink() if how == "missing" else path.write_bytes(broken[how])
    assert Index.load(path) == Index()


def test_large_files_are_lists_of_chunks(make: Make) -> None:
    data = random.Random(2).randbytes(9_000_000)
    project = make({"w.bin": data, "small.bin": data[:100_000]})
    project.scan()
    content = _file(project.index.tree()[b"w.bin"]).content
    assert content.size == 9_000_000
    pieces = project.index.pieces[content.name]
    assert sum(piece.size for piece in pieces) == 9_000_000
    nodes = content_of(pieces)[1]
    assert pieces_of(content, nodes.__getitem__) == list(pieces)
    assert content_of(pieces)[0] == content
    start = 0
    for piece in pieces:
        assert name_of(data[start : start + piece.size]) == piece.name
        start += piece.size


def test_chunk_lists_of_what_is_gone_are_forgotten(make: Make, root: Path) -> None:
    project = make({"w.bin": random.Random(3).randbytes(600_000)})
    project.scan()
    assert len(project.index.pieces) == 1
    (root / "w.bin").unlink()
    project.scan()
    assert project.index.pieces == {}


def test_names_that_are_no_text_are_kept(make: Make, root: Path) -> None:
    project = make({})
    (root / os.fsdecode(b"\xff\xfe.py")).write_text("raw")
    _write(
        root, {"A.py": "upper", "a.py": "lower", "e\u0301": "two", "\u00e9": "one", "new\nline": ""}
    )
    tree = (project.scan(), project.index.tree())[1]
    assert set(tree) == {
        b"\xff\xfe.py", b"A.py", b"a.py", "e\u0301".encode(), "\u00e9".encode(), b"new\nline",
    }  # fmt: skip


def test_links_are_never_followed(make: Make, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("outside")
    project = make({"a.py": "a"})
    os.symlink(tmp_path / "outside", root / "out")
    os.symlink(".", root / "loop")
    project.scan()
    assert set(project.index.tree()) == {b"a.py", b"out", b"loop"}


def test_links_to_placed_data_stay_and_others_travel(make: Make, root: Path) -> None:
    project = make({"a.py": "1"})
    (root / "data").mkdir()
    there = f"/home/u/.jupyter-remote-gpu/datasets/news-{'0123abcd' * 3}/files"
    (root / "data" / "news").symlink_to(there)
    (root / "data" / "own").symlink_to("/srv/datasets/news/files")
    for _ in range(2):
        project.scan()
        assert project.left_out[b"data/news"].why is Why.DATASET
        assert isinstance(project.index.tree()[b"data/own"], LinkEntry)
        assert b"data/news" not in project.index.tree()
    (root / "data" / "news").unlink()
    (root / "data" / "news").write_text("the user's own")
    assert b"data/news" in _changed(project.scan())


def test_what_is_no_file_is_left_out(make: Make, root: Path) -> None:
    project = make({"a.py": "a"})
    os.mkfifo(root / "pipe")
    found = project.scan()
    assert set(project.index.tree()) == {b"a.py"}
    assert found.left_out[b"pipe"].why is Why.SPECIAL


@pytest.mark.root
def test_what_cannot_be_read_stays_as_it_was(make: Make, root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs another user to be")
    project = make({"closed/a.py": "a", "b.py": "b", "c.py": "c"})
    project.scan()
    os.chmod(root, 0o755)
    for part in [root, *root.parents][:-1]:
        os.chmod(part, os.stat(part).st_mode | 0o055)
    (root / "c.py").unlink()
    (root / "b.py").write_text("changed")
    (root / "b.py").chmod(0)
    (root / "closed").chmod(0)
    os.seteuid(65534)
    try:
        found = project.scan()
    finally:
        os.seteuid(0)
    assert found.changed == {b"c.py": None}
    assert {path: left.why for path, left in found.left_out.items()} == {
        b"b.py": Why.UNREADABLE,
        b"closed": Why.UNREADABLE,
    }
    assert b"closed/a.py" in project.index.known
    (root / "closed").chmod(0o755)
    assert _changed(project.scan()) == {b"b.py"}


def test_a_project_that_is_gone_is_not_taken_for_empty(make: Make, root: Path) -> None:
    project = make({"a.py": "a"})
    project.scan()
    root.rename(root.with_name("moved"))
    with pytest.raises(FilesError, match="cannot be opened"):
        project.scan()
    assert set(project.index.tree()) == {b"a.py"}


def test_a_file_that_never_stands_still_is_read_again_next_time(make: Make, root: Path) -> None:
    project = make({"log.txt": "start\n" * 200_000, "a.py": "a"})
    stop = threading.Event()

    def write() -> None:
        with open(root / "log.txt", "r+") as log:
            while not stop.is_set():
                log.seek(random.randrange(1_000_000))
                log.write("more")
                log.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        unsteady: list[bytes] = []
        for _ in range(50):
            unsteady += project.scan().unsteady
    finally:
        stop.set()
        writer.join()
    assert set(unsteady) <= {b"log.txt"}
    project.scan()
    anew = Project(root, lambda: Ignore(root))
    anew.scan()
    assert project.index.tree() == anew.index.tree()


def test_a_look_at_some_paths_finds_what_a_scan_would(make: Make, root: Path) -> None:
    """Random changes: the index after looks at what was touched is that of a scan."""
    rnd = random.Random(4)
    project = make({f"d{i % 5}/e{i % 3}/f{i}.py": str(i) for i in range(60)})
    project.scan()
    for _ in range(60):
        touched = [_random_change(rnd, root) for _ in range(rnd.randrange(1, 4))]
        project.look_at(touched)
        anew = Project(root, lambda: Ignore(root))
        anew.scan()
        assert project.index.tree() == anew.index.tree()
        assert project.left_out == anew.left_out


def _random_change(rnd: random.Random, root: Path) -> bytes:
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    path = rnd.choice(folders) / rnd.choice(["a", "b.py", "c.pyc", ".env", "__pycache__", "venv"])
    if path.is_dir():
        target = root / f"moved{rnd.randrange(10**9)}"
        path.rename(target)
        (root / "note").write_text(str(target))
        path.mkdir() if rnd.random() < 0.5 else path.write_text("now a file")
        return b""
    if path.exists():
        path.unlink()
        if rnd.random() < 0.5:
            path.mkdir()
            (path / "inside.py").write_text("x")
    else:
        path.write_text(str(rnd.random()))
    return os.fsencode(path.relative_to(root))


def test_new_rules_are_seen(make: Make, root: Path) -> None:
    project = make({"a.log": "x", "d/b.log": "y", "d/c.py": "z"})
    project.scan()
    (root / "d/.gitignore").write_text("*.log\n")
    found = project.look_at([b"d/.gitignore"])
    assert found.changed[b"d/b.log"] is None
    assert found.left_out[b"d/b.log"].rule == "d/.gitignore, line 1: *.log"
    (root / "d/.gitignore").unlink()
    found = project.look_at([b"d/.gitignore"])
    assert _changed(found) == {b"d/.gitignore", b"d/b.log"}
    assert found.left_out == {}


def test_a_folder_that_becomes_an_environment_is_left_out(make: Make, root: Path) -> None:
    project = make({"e/bin/python": "x"})
    project.scan()
    (root / "e/pyvenv.cfg").write_text("home = /usr")
    found = project.look_at([b"e/pyvenv.cfg"])
    assert found.left_out[b"e"].why is Why.ENVIRONMENT
    assert project.index.tree() == {}


def test_relative_paths(tmp_path: Path) -> None:
    assert relative(tmp_path, str(tmp_path / "a" / "b")) == b"a/b"
    assert relative(tmp_path, str(tmp_path)) == b""
    assert relative(tmp_path, str(tmp_path) + "x") is None


def test_a_date_in_the_future_is_no_reason_to_read_again(make: Make, root: Path) -> None:
    project = make({"a.py": "a", "b.py": "b"})
    os.utime(root / "a.py", (4_000_000_000, 4_000_000_000))
    project.scan()
    while not all(known.settled for known in project.index.known.values()):
        project.scan()
    assert project.scan().read_bytes == 0
    (root / "a.py").write_text("c")
    assert set(project.scan().changed) == {b"a.py"}


def test_ten_thousand_tiny_files(make: Make, root: Path) -> None:
    for n in range(10_000):
        if n % 500 == 0:
            (root / f"d{n // 500}").mkdir()
        (root / f"d{n // 500}" / f"f{n}").write_bytes(b"%d" % (n % 3))
    project = make({})
    found = project.scan()
    assert len(found.changed) == 10_020
    assert len({known.entry for known in project.index.known.values()}) == 4
    (root / "d7" / "f3500").write_bytes(b"new")
    assert set(project.scan().changed) == {b"d7/f3500"}


def test_twenty_gigabytes_wait_for_a_word_unread(make: Make, root: Path) -> None:
    with open(root / "w.bin", "wb") as file:
        file.truncate(20_000_000_000)
    found = make({}).scan()
    assert found.left_out[b"w.bin"].why is Why.LARGE
    assert "20,000 MB" in found.left_out[b"w.bin"].rule
    assert (found.changed, found.read_bytes) == ({}, 0)


def test_a_large_file_takes_little_memory(make: Make, root: Path) -> None:
    size = 200 << 20
    with open(root / "w.bin", "wb") as file:
        file.truncate(size)
    tracemalloc.start()
    try:
        found = make({}).scan()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.read_bytes == size
    assert most < 40 << 20
