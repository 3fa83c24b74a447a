"""Folders, files and archives on this computer are data, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.local import LocalSource, place
from jupyter_remote_gpu.datasets.source import RemoteFile
from jupyter_remote_gpu.datasets.sources import Sources
from jupyter_remote_gpu.errors import InternalError, NoSuchDataError


def test_a_folder_is_its_files_as_they_are_now(tmp_path: Path) -> None:
    folder = tmp_path / "items"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "2.csv").write_bytes(b"22")
    (folder / "1.csv").write_bytes(b"1")
    (folder / "gone").symlink_to(folder / "nothing")
    (folder / "round").symlink_to(folder)
    reference = parse_reference("./items", base=tmp_path)
    resolved = Sources().resolve(reference)
    assert resolved.files == (RemoteFile("1.csv", 1), RemoteFile("b/2.csv", 2))
    assert resolved.lies_here
    assert resolved.bytes == 3
    assert [place(resolved, file).read_bytes() for file in resolved.files] == [b"1", b"22"]
    assert Sources().resolve(reference).key == resolved.key
    (folder / "1.csv").write_bytes(b"11")
    assert Sources().resolve(reference).key != resolved.key


def test_a_file_and_an_archive(tmp_path: Path) -> None:
    (tmp_path / "items.zip").write_bytes(b"PK")
    (tmp_path / "items.csv").write_bytes(b"1")
    archive = LocalSource().resolve(parse_reference("./items.zip", base=tmp_path))
    table = LocalSource().resolve(parse_reference("items.csv", base=tmp_path))
    assert archive.files == (RemoteFile("items.zip", 2, unpack=True),)
    assert table.files == (RemoteFile("items.csv", 1),)
    assert place(table, table.files[0]) == tmp_path / "items.csv"


def test_what_is_not_there_is_told_and_there_are_no_links(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDataError, match="There is no"):
        LocalSource().resolve(parse_reference("./none", base=tmp_path))
    (tmp_path / "a").write_bytes(b"1")
    resolved = LocalSource().resolve(parse_reference("./a", base=tmp_path))
    with pytest.raises(InternalError):
        LocalSource().links(resolved, resolved.files)
