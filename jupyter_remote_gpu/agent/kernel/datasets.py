"""`dataset("kaggle://…")` in a remote cell: where the data lie on this machine.

What this project has here already is found in the agent's list, without a word
to anybody. Anything else is asked of the notebook, which knows what an address
means and has the agent place it.
"""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import DatasetError, RemoteGPUError
from jupyter_remote_gpu.protocol.data_names import DataName
from jupyter_remote_gpu.state.codecs import placed

from . import script_data

NAME = "dataset"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class DatasetNames:
    """What the name `dataset` does in a kernel whose working folder began as `folder`.

    `ask` puts an address to the notebook and returns its answer, a line of JSON;
    it blocks, and a KeyboardInterrupt ends the wait.
    """

    def __init__(self, base: Path, ask: Callable[[str], str]) -> None:
        self._book = base / "datasets" / "placed.json"
        self._ask = ask
        self._read_at = -1
        self._texts: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self.folder = Path.cwd()

    def install(self) -> None:
        """Let every cell find `dataset`, as it finds `print`: a name of the user's own hides it."""
        if not hasattr(builtins, NAME):
            setattr(builtins, NAME, self.dataset)
        placed.use(self)

    def dataset(self, address: str) -> Path:
        """Return the folder with the data of an address, fetched to this machine if need be.

        An address is kaggle://OWNER/NAME, kaggle-competition://NAME,
        hf://datasets/ORG/NAME, hf://ORG/MODEL, https://…, s3://…, gs://… and others;
        with @VERSION where there are versions. Raises DatasetError and its kin.
        """
        if not isinstance(address, str):
            raise TypeError(f"an address of data is a text, not {type(address).__name__}")
        found = self._placed(address.strip())
        return found if found is not None else self._asked(address.strip())

    def for_script(self, folder: str) -> dict[str, str]:
        """Return the variables by which a script that runs in `folder` finds its data."""
        return script_data.variables(self._book, folder or str(self.folder))

    def present(self) -> dict[str, str]:
        """Return the data that the project has, {path: address with version}; one `stat` mostly.

        Every run records it, so that one can tell later what it was given.
        """
        try:
            changed = os.stat(self._book).st_mtime_ns
        except OSError:
            self._links, self._kept = {}, {}
            return {}
        if changed != self._read_at:
            entries = self._entries()
            self._texts = {at: _recorded(one) for _, at, one in entries}
            self._links = {str(Path(project, at)): one["text"] for project, at, one in entries}
            shelf = self._book.parent
            self._kept = {str(shelf / one["key"] / "files"): one["text"] for *_, one in entries}
            self._read_at = changed
        return self._texts

    def named(self, path: Path) -> DataName | None:
        """Return which data a path of this machine lies in, by a link to them or as they lie."""
        if not path.is_absolute() or not self.present():
            return None
        for root in (path, *path.parents):
            text = self._links.get(str(root)) or self._kept.get(str(root))
            if text is not None:
                inside = path.relative_to(root).as_posix()
                return DataName(text, "" if inside == "." else inside)
        return None

    def found(self, name: DataName) -> Path | None:
        """Return a path in data that the project has here; None for others."""
        self.present()
        links = (Path(link) for link, text in self._links.items() if text == name.text)
        link = next((link for link in links if link.exists()), None)
        return link / name.inside if link is not None else None

    def _placed(self, address: str) -> Path | None:
        for project, at, one in self._entries():
            link = Path(project) / at
            # what lies on the user's computer may have changed there
            known = address in one["asked"] and not _is_here(one)
            if known and link.exists() and self._is_sure(one["key"]):
                return link
        return None

    def _is_sure(self, key: str) -> bool:
        """Whether data are known to be whole since the machine was started: the agent looks."""
        try:
            record = json.loads((self._book.parent / key / "record.json").read_bytes())
            return bool(record["boot"] == _BOOT.read_text().strip())
        except (OSError, ValueError, KeyError):
            return False

    def _entries(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what was placed in this kernel's project: project, path below it, what it is."""
        try:
            book: dict[str, Any] = json.loads(self._book.read_bytes())
        except (OSError, ValueError):
            return []  # nothing was placed here yet
        return [
            (project, at, one)
            for project, placed in book.items()
            if self.folder.is_relative_to(project)
            for at, one in placed.items()
        ]

    def _asked(self, address: str) -> Path:
        answer: dict[str, Any] = json.loads(self._ask(address))
        if "path" in answer:
            return Path(answer["path"])
        kind = getattr(errors, str(answer.get("kind")), DatasetError)
        if not (isinstance(kind, type) and issubclass(kind, RemoteGPUError)):
            kind = DatasetError
        raise kind(str(answer.get("message")), hint=answer.get("hint"))


def _recorded(one: dict[str, Any]) -> str:
    """Return what a run notes of data: the address with a version, wherever that stands."""
    version = one.get("version")
    return f"{one['text']} (version {version})" if version else str(one["text"])


def _is_here(one: dict[str, Any]) -> bool:
    """Whether the data are of the user's own computer."""
    return str(one["text"]).startswith("file://")
