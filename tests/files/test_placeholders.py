"""Files that are only in a cloud: named, never read, never taken for deleted."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_remote_gpu.files import look
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.placeholders import REASON, is_placeholder, stands_for
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.verdict import Why


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (b".data.csv.icloud", b"data.csv"),
        (b".a.icloud", b"a"),
        (b"data.csv", None),
        (b"data.icloud", None),
        (b"..icloud", None),
    ],
)
def test_what_a_name_stands_for(name: bytes, file: bytes | None) -> None:
    assert stands_for(name) == file


@pytest.mark.parametrize("by_path", [False, True])
def test_a_file_that_icloud_took_away_is_not_taken_for_deleted(
    tmp_path: Path, by_path: bool
) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    (tmp_path / "gone.csv").write_text("1,2")
    project = Project(tmp_path, lambda: Ignore(tmp_path))
    project.scan()
    before = project.index.tree()
    (tmp_path / "data.csv").rename(tmp_path / ".data.csv.icloud")
    (tmp_path / "gone.csv").unlink()
    paths = [b"data.csv", b".data.csv.icloud", b"gone.csv"]
    for _ in range(2):
        found = project.look_at(paths) if by_path else project.scan()
        assert found.left_out[b"data.csv"].why is Why.UNREADABLE
        assert found.left_out[b"data.csv"].rule == REASON
    assert project.index.tree() == {b"data.csv": before[b"data.csv"]}
    (tmp_path / ".data.csv.icloud").rename(tmp_path / "data.csv")
    found = project.look_at(paths) if by_path else project.scan()
    assert (found.left_out, project.index.tree()) == ({}, {b"data.csv": before[b"data.csv"]})


def test_a_file_whose_bytes_are_elsewhere_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.bin").write_bytes(b"w" * 100)
    monkeypatch.setattr(look, "is_placeholder", lambda status: True)
    found = Project(tmp_path, lambda: Ignore(tmp_path)).scan()
    assert (found.changed, found.read_bytes) == ({}, 0)
    assert found.left_out[b"w.bin"].rule == REASON


@pytest.mark.parametrize(
    ("told", "elsewhere"),
    [
        ({"st_flags": 0x40000000}, True),
        ({"st_flags": 0x20}, False),
        ({"st_file_attributes": 0x00400020}, True),
        ({"st_file_attributes": 0x20}, False),
        ({}, False),
    ],
)
def test_how_a_system_tells(told: dict[str, int], elsewhere: bool) -> None:
    status: os.stat_result = SimpleNamespace(**told)  # type: ignore[assignment]
    assert is_placeholder(status) == elsewhere
