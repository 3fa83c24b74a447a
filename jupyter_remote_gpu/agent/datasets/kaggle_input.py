"""Kaggle's own paths: what public notebooks read as `/kaggle/input/NAME` or `../input/NAME`.

    BASE/datasets/.kaggle/NAME/        a dataset's folders, its files linked into them
    /kaggle/input                      a link to `.kaggle`, where the machine lets us make it
    BASE/workspaces/NAME/input         the same, for the `../input` of older notebooks

The folders are real ones, as `os.walk("/kaggle/input")`, the first cell of most
such notebooks, goes into no link. Their files are hard links, which take no
room, or links where the disk has no others.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
from pathlib import Path

from .names import inside
from .shelf import emptied

KAGGLE = Path("/kaggle/input")
_CLOSED = 0o555


class KaggleInput:
    """The names that datasets below `root` have at Kaggle. Methods block; one thread at a time."""

    def __init__(self, root: Path, kaggle: Path = KAGGLE) -> None:
        self._root = root
        self._folder = root / ".kaggle"
        self._book = root / "kaggle.json"
        self._kaggle = kaggle

    def holder(self, name: str) -> str:
        """Return the key of the dataset that has a name; "" for none."""
        return self._read().get(name, "")

    def show(self, name: str, key: str) -> str:
        """Give a dataset a name, which another may have had; return its path at Kaggle.

        "" where the machine does not let us (`why_not`). Some 30 µs a file the
        first time, one look after that.
        """
        place = self._folder / inside(name)
        if self.holder(name) != key or not place.is_dir():
            self._write({known: held for known, held in self._read().items() if known != name})
            self._make(place, self._root / key / "files")
            self._write({**self._read(), name: key})
        return str(self._kaggle / name) if self._reach(name.split("/")[0]) else ""

    def why_not(self, name: str) -> str:
        """Say why a name cannot be had at Kaggle's own path, and what helps."""
        there = self._kaggle / name.split("/")[0]
        if self._kaggle.is_symlink():
            return f"{self._kaggle} on this machine leads to somebody else's data"
        if os.path.lexists(there):
            return f"{there} on this machine is something else, and was left alone"
        if os.path.lexists(self._kaggle):
            return f"{self._kaggle} on this machine belongs to somebody else"
        folder, user = self._kaggle.parent, _user()
        return (
            f"{user} may not make {self._kaggle} on this machine; once an administrator has run"
            f" `sudo mkdir -p {folder} && sudo chown {user} {folder}`, it is made by itself"
        )

    def link_beside(self, project: Path) -> None:
        """Let `../input` lead to the names from a workspace's project; what is there stays."""
        link = project.parent / KAGGLE.name
        with contextlib.suppress(FileExistsError):
            link.symlink_to(self._folder)

    def places(self, key: str) -> list[Path]:
        """Return the folders that a dataset's files are linked into."""
        return [self._folder / name for name, held in self._read().items() if held == key]

    def forget(self, key: str) -> None:
        """Take a dataset's names away: before that the room of its files is not free."""
        book = self._read()
        for name in [name for name, held in book.items() if held == key]:
            self._remove(self._folder / name)
            link = self._kaggle / name.split("/")[0]
            if link.is_symlink() and not link.exists():
                link.unlink()
            del book[name]
            self._write(book)

    def _make(self, place: Path, files: Path) -> None:
        """Link a dataset's files into folders at a place: all of them, or none."""
        new = self._folder / f".new-{os.getpid()}"
        if new.exists():
            emptied(new)
        place.parent.mkdir(parents=True, exist_ok=True)
        _linked(files, new)
        self._remove(place)
        os.rename(new, place)
        os.chmod(place, _CLOSED)  # only now: a closed folder cannot be moved to another

    def _remove(self, place: Path) -> None:
        gone = self._folder / f".gone-{os.getpid()}"
        with contextlib.suppress(FileNotFoundError):
            os.chmod(place, 0o700)
            os.rename(place, gone)
        # one that was killed meanwhile may have left his
        for left in self._folder.glob(".gone-*"):
            emptied(left)

    def _reach(self, first: str) -> bool:
        """Let Kaggle's path lead to the names, or to this one; False where it cannot."""
        kaggle, folder = self._kaggle, self._folder
        with contextlib.suppress(OSError):
            if kaggle.is_symlink() and not kaggle.exists():
                kaggle.unlink()  # it led to a folder of ours that was removed
            elif kaggle.is_dir() and not kaggle.is_symlink() and not os.listdir(kaggle):
                with contextlib.suppress(OSError):  # it may be a disk of its own
                    kaggle.rmdir()
            if not os.path.lexists(kaggle):
                kaggle.parent.mkdir(parents=True, exist_ok=True)
                kaggle.symlink_to(folder)
            if kaggle.is_symlink():
                return kaggle.resolve() == folder.resolve()
            link = kaggle / first
            if not os.path.lexists(link):
                link.symlink_to(folder / first)
            return link.resolve() == (folder / first).resolve()
        return False

    def _read(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self._book.read_bytes())
        except (OSError, ValueError):
            return {}  # nothing has a name yet; or what has one gets it anew
        return found

    def _write(self, book: dict[str, str]) -> None:
        new = self._book.with_name("kaggle.new")
        new.write_text(json.dumps(book))
        os.replace(new, self._book)


def _linked(files: Path, place: Path) -> None:
    """Make folders at a place as there are below `files`, with links to all that lies in them."""
    made = []
    for folder, folders, names in os.walk(files):
        there = os.path.normpath(os.path.join(place, os.path.relpath(folder, files)))
        os.mkdir(there, 0o700)
        made.append(there)
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in (*names, *links):
            _link(os.path.join(folder, name), os.path.join(there, name))
    for there in made[1:]:
        os.chmod(there, _CLOSED)


def _link(file: str, place: str) -> None:
    try:
        os.link(file, place, follow_symlinks=False)
    except OSError:
        # no hard links on this disk, or as many as it allows
        os.symlink(file, place)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
