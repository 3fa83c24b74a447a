"""Which cloud service keeps a folder in step, by the marks and names that services leave."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_MARKS = {
    ".dropbox": "Dropbox",
    ".dropbox.cache": "Dropbox",
    ".tmp.drivedownload": "Google Drive",
    ".tmp.driveupload": "Google Drive",
    ".stfolder": "Syncthing",
    ".owncloudsync.log": "ownCloud",
    ".nextcloudsync.log": "Nextcloud",
}
"""Names that a service puts into the uppermost folder that it keeps."""
_NAMES = (
    (re.compile(r"Dropbox( \(.+\))?"), "Dropbox"),
    (re.compile(r"OneDrive( - .+)?"), "OneDrive"),
    (re.compile(r"Google ?Drive"), "Google Drive"),
    (re.compile(r"iCloudDrive|com~apple~CloudDocs"), "iCloud Drive"),
)
"""How a service calls that folder, where it leaves no mark."""
_MAC_FOLDER = "CloudStorage"
"""On macOS services have a folder each in this one, called SERVICE-ACCOUNT."""


@dataclass(frozen=True, slots=True)
class CloudFolder:
    """The service that keeps `folder` and all that lies in it in step with its own store."""

    service: str
    folder: Path


def cloud_folder(folder: Path) -> CloudFolder | None:
    """Return who keeps a folder, or one above it, in step; None if nobody is known to.

    Looks at each folder upwards. A service that leaves neither mark nor name is
    not found.
    """
    for place in (folder, *folder.parents):
        service = _marked(place) or _named(place)
        if service is not None:
            return CloudFolder(service, place)
    return None


def _marked(place: Path) -> str | None:
    for mark, service in _MARKS.items():
        if os.path.lexists(place / mark):
            return service
    return None


def _named(place: Path) -> str | None:
    if place.parent.name == _MAC_FOLDER:
        service = place.name.partition("-")[0]
        return "Google Drive" if service == "GoogleDrive" else service
    return next((service for name, service in _NAMES if name.fullmatch(place.name)), None)
