"""An archive unpacked on this computer: members that leave its folder or swell are refused."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from jupyter_remote_gpu.errors import CorruptDataError, NotAvailableError, RemoteGPUError

from .paths import checked_path
from .whole import require_room

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError)
"""What Python's libraries raise where an archive's bytes are not what was packed."""
_COPY_BYTES = 1 << 20
_ZIP_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")
_MAX_MEMBERS = 2_000_000
_LOOK_EVERY_BYTES = 256 << 20


def unpacked(archive: Path, to: Path) -> None:
    """Have an archive's regular files below `to`, all or nothing. Links in it are left out.

    Raises CorruptDataError, UnsafePathError, DiskFullError, and NotAvailableError
    for what is no archive that Python unpacks.
    """
    new = Path(tempfile.mkdtemp(dir=to.parent, prefix=".new-"))
    try:
        came = 0
        for count, (name, data) in enumerate(_members(archive)):
            if count > _MAX_MEMBERS:
                raise CorruptDataError(f"{archive.name} holds more than {_MAX_MEMBERS:,} files.")
            target = new / checked_path(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                while piece := data.read(_COPY_BYTES):
                    out.write(piece)
                    # What is packed tightly may not fit: look before the disk is full.
                    if came // _LOOK_EVERY_BYTES != (came + len(piece)) // _LOOK_EVERY_BYTES:
                        require_room(new, _LOOK_EVERY_BYTES, archive.name)
                    came += len(piece)
        os.replace(new, to)
    except RemoteGPUError:
        raise
    except (*DAMAGED, RuntimeError, OSError) as error:
        if to.is_dir():
            return  # another process was quicker
        raise CorruptDataError(
            f"{archive.name} cannot be unpacked here: {error}.",
            hint="It is damaged, has a password, or two of its files have one name.",
        ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def begins_as_zip(file: IO[bytes]) -> bool:
    """Say whether the first bytes are a zip archive's; the file is at its beginning again.

    `zipfile.is_zipfile` looks at the end alone, which in a tar archive may be that of a zip in it.
    """
    beginning = file.read(4)
    file.seek(0)
    return beginning in _ZIP_BEGINNINGS


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with archive.open("rb") as opened:
        is_zip = begins_as_zip(opened)
    if is_zip and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    with packed.open(info) as data:
                        yield info.filename, data
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name.removeprefix("./"), file
            # The checksum of what it is packed with comes behind the last member.
            while tar.fileobj is not None and tar.fileobj.read(_COPY_BYTES):
                pass
    else:
        raise NotAvailableError(
            f"{archive.name} is no archive that is unpacked on this computer.",
            hint="Look at it in a remote cell.",
        )
