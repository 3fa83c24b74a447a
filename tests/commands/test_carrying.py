"""Files of this computer, brought to the machine that is this computer."""

from __future__ import annotations

import tarfile
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


def test_a_damaged_archive_leaves_nothing(tmp_path: Path, settings: Settings) -> None:
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz") as packed:
        packed.add(Path(__file__), "a.py")
    whole = (tmp_path / "data.tar.gz").read_bytes()
    (tmp_path / "data.tar.gz").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(CorruptDataError):
        carry_to(local(settings), settings)(tmp_path / "data.tar.gz", "carried/dataset-1")
    assert list((settings.home / "carried").iterdir()) == []
