"""Reading files as chunks: alike however large, never from what is no file, never half."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.content import cut_content
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.errors import UnreadableError
from jupyter_remote_gpu.files import reading
from jupyter_remote_gpu.files.folders import Folder
from jupyter_remote_gpu.files.reading import WINDOW_BYTES, read_file


@pytest.mark.parametrize(
    "size", [0, 1, 16_384, 16_385, 1_000_000, WINDOW_BYTES, WINDOW_BYTES + 1, 3 * WINDOW_BYTES + 7]
)
def test_a_file_is_cut_like_its_bytes(tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    (tmp_path / "f").write_bytes(data)
    with Folder.at(tmp_path) as folder:
        found = read_file(folder, b"f")
    lengths = cut_content(data)
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    assert [piece.size for piece in found.pieces] == lengths
    assert [piece.name for piece in found.pieces] == [
        name_of(data[start : start + length]) for start, length in zip(starts, lengths, strict=True)
    ]
    assert found.content.size == size
    assert found.whole


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("x")
    with Folder.at(tmp_path) as folder, pytest.raises(UnreadableError):
        read_file(folder, b"f")


def test_what_is_gone_is_gone(tmp_path: Path) -> None:
    with Folder.at(tmp_path) as folder, pytest.raises(FileNotFoundError):
        read_file(folder, b"f")


@pytest.mark.parametrize("size", [1000, WINDOW_BYTES + 1000])
def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * size)
    left = [2]

    def meddling(data: bytes) -> bytes:
        if left[0]:
            left[0] -= 1
            path.write_bytes(b"b" * (size + left[0]))
        return name_of(data)

    monkeypatch.setattr(reading, "name_of", meddling)
    with Folder.at(tmp_path) as folder:
        found = read_file(folder, b"f")
    assert found.whole
    assert found.content.size == path.stat().st_size == size


def test_a_file_that_never_stands_still_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * 1000)

    def meddling(data: bytes) -> bytes:
        path.write_bytes(path.read_bytes() + b"more")
        return name_of(data)

    monkeypatch.setattr(reading, "name_of", meddling)
    with Folder.at(tmp_path) as folder:
        found = read_file(folder, b"f")
    assert not found.whole
    assert not found.settled
