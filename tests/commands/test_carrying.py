"""Files of this computer, brought to the machine that is this computer."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.carrying import carry_to
from jupyter_remote_gpu.commands.settings import Settings
from jupyter_remote_gpu.commands.ways import local
from jupyter_remote_gpu.errors import CorruptDataError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", tmp_path / "set", tmp_path / "cache", ("ssh",), "", "python")


def test_an_archive_is_a_folder_of_the_embedded_machine(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "a.csv", "inside/a.csv")
    carry = carry_to(local(settings), settings)

    carry(tmp_path / "data.tar.gz", "carried/dataset-1")
    placed = settings.home / "carried/dataset-1/inside/a.csv"
    assert placed.read_text() == "1,2\n"
    placed.write_text("kept")
    carry(tmp_path / "data.tar.gz", "carried/dataset-1")
    assert placed.read_text() == "kept"


def test_an_archive_among_the_files_stays_one(tmp_path: Path, settings: Settings) -> None:
    with zipfile.ZipFile(tmp_path / "items.zip", "w") as items:
        items.writestr("a.csv", "1,2\n")
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz", compresslevel=0) as packed:
        packed.add(tmp_path / "items.zip", "items.zip")
    # It ends as a zip archive does, which is what `zipfile` goes by.
    assert zipfile.is_zipfile(tmp_path / "data.tar.gz")

    carry_to(local(settings), settings)(tmp_path / "data.tar.gz", "carried/dataset-1")
    brought = settings.home / "carried/dataset-1/items.zip"
    assert brought.read_bytes() == (tmp_path / "items.zip").read_bytes()


def test_a_damaged_archive_leaves_nothing(tmp_path: Path, settings: Settings) -> None:
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz") as packed:
        packed.add(Path(__file__), "a.py")
    whole = (tmp_path / "data.tar.gz").read_bytes()
    (tmp_path / "data.tar.gz").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(CorruptDataError):
        carry_to(local(settings), settings)(tmp_path / "data.tar.gz", "carried/dataset-1")
    assert list((settings.home / "carried").iterdir()) == []
