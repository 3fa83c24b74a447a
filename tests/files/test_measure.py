"""Counting what a project would have to send, while it is walked."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import TooMuchError
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.measure import Measure, largest_folders
from jupyter_remote_gpu.files.scan import Project
from tests.files.trees import write


def test_beyond_the_limit_files_are_counted_and_not_read(tmp_path: Path) -> None:
    write(tmp_path, {f"data/{n}.bin": "x" * 1000 for n in range(20)})
    write(tmp_path, {"known.bin": "x" * 5000, ".gitignore": "out/\n", "out/much.bin": "x" * 9000})
    project = Project(tmp_path, lambda: Ignore(tmp_path))
    measure = Measure(3000, lambda path, size: (path, size) == (b"known.bin", 5000))
    with pytest.raises(TooMuchError):
        project.scan(None, measure)
    assert measure.total == 20_000 + len("out/\n")
    assert sum(path.startswith(b"data/") for path in project.index.known) < 5
    project.scan()
    assert len(project.index.known) == 23


def test_a_folder_that_has_just_come_is_counted_too(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "1"})
    project = Project(tmp_path, lambda: Ignore(tmp_path))
    project.scan()
    write(tmp_path, {f"new/{n}.bin": "x" * 1000 for n in range(20)})
    measure = Measure(3000, lambda path, size: False)
    with pytest.raises(TooMuchError):
        project.look_at([b"new"], None, measure)
    assert measure.total == 20_000


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ({b"a": 5}, []),
        ({b"a/x": 5, b"b/x": 9, b"c/x": 1, b"d/x": 2}, [(b"b/", 9), (b"a/", 5), (b"d/", 2)]),
        ({b"a/b/x": 60, b"a/c/x": 40, b"z": 1}, [(b"a/b/", 60), (b"a/c/", 40)]),
        ({b"a/b/x": 100, b"a/y": 1}, [(b"a/b/", 100)]),
    ],
)
def test_the_folders_that_hold_the_most_are_named(
    sizes: dict[bytes, int], found: list[tuple[bytes, int]]
) -> None:
    assert largest_folders(sizes) == found
