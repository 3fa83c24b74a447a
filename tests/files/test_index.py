"""The index on disk: what changed is added, and what was cut off while it was added is not read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.scan import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Five hundred files, looked at and saved once."""
    root = tmp_path / "project"
    root.mkdir()
    for n in range(500):
        (root / f"f{n:03d}.txt").write_text(str(n))
    found = Project(root, lambda: Ignore(root))
    found.scan()
    # what was written in the moment of a look is read again, and written down again
    while not all(known.settled for known in found.index.known.values()):
        found.scan()
    found.index.save(tmp_path / "index")
    return found


def test_a_change_costs_what_it_is_and_not_the_whole(project: Project, tmp_path: Path) -> None:
    whole = (tmp_path / "index").stat().st_size
    (project.root / "f007.txt").write_text("other")
    (project.root / "f008.txt").unlink()
    (project.root / "large").write_bytes(random.Random(1).randbytes(300_000))
    project.scan()
    project.index.save(tmp_path / "index")
    assert whole < (tmp_path / "index").stat().st_size < whole + 1_500
    assert Index.load(tmp_path / "index") == project.index


def test_an_addition_that_was_cut_off_is_as_if_not_written(
    project: Project, tmp_path: Path
) -> None:
    before = Index.load(tmp_path / "index")
    whole = (tmp_path / "index").stat().st_size
    (project.root / "f007.txt").write_text("other")
    project.scan()
    project.index.save(tmp_path / "index")
    data = (tmp_path / "index").read_bytes()
    for length in range(whole, len(data), 41):
        (tmp_path / "index").write_bytes(data[:length])
        found = Index.load(tmp_path / "index")
        assert found == before
        found.known[b"new"] = found.known[b"f001.txt"]
        found.unsaved.add(b"new")
        found.save(tmp_path / "index")
        assert Index.load(tmp_path / "index") == found


def test_a_file_that_is_gone_is_written_whole(project: Project, tmp_path: Path) -> None:
    (tmp_path / "index").unlink()
    (project.root / "f007.txt").write_text("other")
    project.scan()
    project.index.save(tmp_path / "index")
    assert Index.load(tmp_path / "index") == project.index


@pytest.mark.parametrize("seed", range(3))
def test_after_any_changes_it_is_the_index(project: Project, tmp_path: Path, seed: int) -> None:
    rnd = random.Random(seed)
    sizes = set()
    for step in range(25):
        for _ in range(rnd.randrange(40)):
            path = project.root / f"f{rnd.randrange(600):03d}.txt"
            if path.exists() and rnd.random() < 0.4:
                path.unlink()
            else:
                path.write_text(f"{step} {rnd.random()}")
        project.scan()
        project.index.save(tmp_path / "index")
        sizes.add((tmp_path / "index").stat().st_size)
        assert Index.load(tmp_path / "index") == project.index
    assert max(sizes) < 2 * min(sizes) + (1 << 16)
