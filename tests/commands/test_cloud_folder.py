"""Folders that a cloud service keeps in step are known by marks and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.cloud_folder import CloudFolder, cloud_folder


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("Dropbox", "Dropbox"),
        ("Dropbox (Acme)", "Dropbox"),
        ("OneDrive - Acme", "OneDrive"),
        ("GoogleDrive", "Google Drive"),
        ("com~apple~CloudDocs", "iCloud Drive"),
        ("CloudStorage/GoogleDrive-ada@example.org", "Google Drive"),
        ("CloudStorage/Box-Box", "Box"),
    ],
)
def test_by_its_name(tmp_path: Path, name: str, service: str) -> None:
    assert cloud_folder(tmp_path / name / "a/b") == CloudFolder(service, tmp_path / name)


def test_by_what_the_service_left_in_it(tmp_path: Path) -> None:
    (tmp_path / "files/.stfolder").mkdir(parents=True)
    found = cloud_folder(tmp_path / "files/project")
    assert found == CloudFolder("Syncthing", tmp_path / "files")


def test_a_name_that_only_begins_so_is_none(tmp_path: Path) -> None:
    assert cloud_folder(tmp_path / "Dropbox-client/OneDriver") is None
