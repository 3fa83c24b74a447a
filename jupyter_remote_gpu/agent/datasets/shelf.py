"""Where datasets lie on the machine, for all workspaces: one folder each, and a record of it.

    BASE/datasets/KEY/files/           the data, closed to writers
    BASE/datasets/KEY/record.json      what they are; it is written before the folder gets its name
    BASE/datasets/KEY/used             touched when a workspace uses them
    BASE/datasets/.making/KEY/         what is being fetched: `parts/`, `files/`
    BASE/datasets/.making/KEY.lock     held by the process that fetches
    BASE/carried/dataset-KEY/          files that a client has brought for it

A key says which bytes are meant, so a folder that is there is the right one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

from .part import boot_name
from .staging import measured

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_MAKING = ".making"
FORGOTTEN_SECONDS = 3600.0
"""What is still being removed after so long is removed by nobody."""


@dataclass(frozen=True, slots=True)
class Record:
    """What lies in a dataset's folder.

    `text` is its address with version; `checked` the kinds of digests that held;
    `notes` what the user should know. `boot` names the start of the machine in
    which it was written: after another it is looked at once, as what a machine
    wrote last may be lost when it stops.
    """

    key: str
    text: str
    name: str
    count: int
    bytes: int
    checked: tuple[str, ...]
    notes: tuple[str, ...]
    made: float
    boot: str


class Shelf:
    """All datasets below `base`. Methods block for as long as a few files take."""

    def __init__(self, base: Path) -> None:
        self.root = base / "datasets"
        self._carried = base / "carried"

    def folder(self, key: str) -> Path:
        """Return the folder of a dataset; ProtocolError for a key that could lead elsewhere."""
        if not _KEY.fullmatch(key):
            raise ProtocolError(f"{key!r:.100} is no key of a dataset")
        return self.root / key

    def files(self, key: str) -> Path:
        """Return where a dataset's data lie, or will."""
        return self.folder(key) / "files"

    def making(self, key: str) -> Path:
        """Return the folder in which a dataset is made."""
        self.folder(key)
        return self.root / _MAKING / key

    def lock(self, key: str) -> Path:
        """Return the file that whoever makes a dataset holds a lock on."""
        return Path(f"{self.making(key)}.lock")

    def brought(self, key: str) -> Path:
        """Return the folder to which a client brings files of its own computer."""
        self.folder(key)
        return self._carried / f"dataset-{key}"

    def record(self, key: str) -> Record | None:
        """Return what a dataset is; None while it is not there, or not whole."""
        folder = self.folder(key)
        found = _read(folder)
        if found is None or found.boot == boot_name():
            return found
        # the machine has been started anew since: what it wrote last may be lost
        if measured(folder / "files") != (found.count, found.bytes):
            self.remove(key)
            return None
        _write(folder, Record(**{**asdict(found), "boot": boot_name()}))
        return found

    def finish(self, record: Record) -> None:
        """Let a dataset that was made be there."""
        making, folder = self.making(record.key), self.folder(record.key)
        _write(making, record)
        shutil.rmtree(making / "parts", ignore_errors=True)
        (making / "used").touch()
        if folder.exists():
            emptied(self._aside(folder, record.key))  # its record could not be read
        os.rename(making, folder)

    def finished(self, key: str) -> Record | None:
        """Return the record of what somebody made who was killed before it was there."""
        record = _read(self.making(key))
        if record is None:
            return None
        self.finish(record)
        return self.record(key)

    def use(self, key: str) -> None:
        """Note that a dataset is used now."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.folder(key) / "used")

    def listed(self) -> list[dict[str, Any]]:
        """Return all datasets, those in the making too (`whole` is False), by name."""
        found = []
        for folder in sorted(self.root.glob("*/record.json")):
            record = _read(folder.parent)
            if record is not None:
                found.append(_described(record, folder.parent))
        making = [path for path in (self.root / _MAKING).glob("[!.]*") if path.is_dir()]
        found += [_unfinished(folder) for folder in making]
        return sorted(found, key=lambda one: (one["name"], one["key"]))

    def remove(self, key: str) -> int:
        """Remove a dataset, also an unfinished one; return the bytes that the disk got back."""
        freed = 0
        for folder in (self.folder(key), self.making(key)):
            if folder.is_dir():
                freed += emptied(self._aside(folder, key))
        self.lock(key).unlink(missing_ok=True)
        shutil.rmtree(self.brought(key), ignore_errors=True)
        for left in (self.root / _MAKING).glob(".gone-*"):
            # somebody was killed while he removed it
            if time.time() - left.stat().st_mtime > FORGOTTEN_SECONDS:
                freed += emptied(left)
        return freed

    def _aside(self, folder: Path, key: str) -> Path:
        """Move a folder to where nobody looks for data, to be removed there."""
        gone = self.root / _MAKING / f".gone-{key}-{os.getpid()}-{time.monotonic_ns()}"
        gone.parent.mkdir(exist_ok=True, mode=0o700)
        os.rename(folder, gone)
        return gone


def _described(record: Record, folder: Path) -> dict[str, Any]:
    return {
        "key": record.key,
        "text": record.text,
        "name": record.name,
        "bytes": record.bytes,
        "files": record.count,
        "used": _time(folder / "used"),
        "whole": True,
    }


def _unfinished(folder: Path) -> dict[str, Any]:
    """Describe what was begun: its address is known to who fetches it."""
    try:
        told = json.loads((folder / "job.json").read_bytes())
    except (OSError, ValueError):
        told = {}
    size = sum(
        os.lstat(os.path.join(root, name)).st_blocks * 512
        for root, _, names in os.walk(folder)
        for name in names
    )
    return {
        "key": folder.name,
        "text": str(told.get("text", "")),
        "name": str(told.get("name", folder.name)),
        "bytes": size,
        "files": 0,
        "used": _time(folder),
        "whole": False,
    }


def _read(folder: Path) -> Record | None:
    try:
        found = json.loads((folder / "record.json").read_bytes())
        return Record(
            **{**found, "checked": tuple(found["checked"]), "notes": tuple(found["notes"])}
        )
    except (OSError, ValueError, TypeError, KeyError):
        # what has no record that can be read is not believed to be there
        return None


def _write(folder: Path, record: Record) -> None:
    # two who ask at once after a restart of the machine both write it
    new = folder / f"record.new-{os.getpid()}-{threading.get_ident()}"
    new.write_text(json.dumps(asdict(record)))
    os.replace(new, folder / "record.json")


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def emptied(folder: Path) -> int:
    """Remove a folder whose folders are closed to writers; return what the disk got back."""
    freed = 0
    for root, folders, names in os.walk(folder):
        os.chmod(root, stat.S_IRWXU)
        for name in names:
            freed += os.lstat(os.path.join(root, name)).st_blocks * 512
        for name in folders:
            path = os.path.join(root, name)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(folder)
    return freed
