"""Datasets in projects: links to where they lie, and what is remembered of them.

    PROJECT/data/NAME            a link to the dataset's files
    /kaggle/input/NAME           another, where the machine lets us make it
    BASE/datasets/placed.json    which project has which dataset where, and as what it was asked for

A link is named in `.git/info/exclude` of the repository it lies in, without a
slash at its end: a pattern with one does not match a link.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import InTheWayError, UnsafePathError

from .names import inside

KAGGLE = Path("/kaggle/input")


@dataclass(frozen=True, slots=True)
class Placed:
    """A dataset in a project: its key, its address with version, and as what it was asked for."""

    key: str
    text: str
    asked: tuple[str, ...]


class Placing:
    """The links to the datasets below `base`. Methods block for as long as a few files take."""

    def __init__(self, base: Path, kaggle: Path = KAGGLE) -> None:
        self._root = base / "datasets"
        self._book = self._root / "placed.json"
        self._kaggle = kaggle
        self._lock = threading.Lock()

    def place(self, project: Path, at: str, key: str, text: str, asked: str) -> Path:
        """Link a dataset into a project; return the link's path.

        A link of ours to another dataset, or another version, is replaced. Raises
        InTheWayError for anything else that is there, UnsafePathError for a path
        that leads out of the project.
        """
        at = inside(at)
        link = project / at
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.parent.resolve().is_relative_to(project.resolve()):
            raise UnsafePathError(f"{at!r:.200} leads out of the project; nothing was placed there")
        if not self._link(link, key):
            raise InTheWayError(
                f"{at} is there already, and is not a dataset that was placed; it was left alone",
                where=str(project),
                hint="Move it away, or give the data another name with `--as NAME`.",
            )
        exclude_from_git(link)
        self._note(project, at, key, text, asked)
        return link

    def place_for_kaggle(self, name: str, key: str) -> str:
        """Link a dataset where public Kaggle notebooks look for it; "" where that cannot be."""
        if not name:
            return ""
        link = self._kaggle / inside(name)
        with contextlib.suppress(OSError):
            link.parent.mkdir(parents=True, exist_ok=True)
            if self._link(link, key):
                return str(link)
        # not ours to write, or somebody else's: the project has its own link
        return ""

    def placed(self, project: Path) -> dict[str, Placed]:
        """Return what is placed in a project, by path below it: what a sync leaves alone."""
        found = self._read().get(str(project), {})
        return {
            at: Placed(one["key"], one["text"], tuple(one["asked"])) for at, one in found.items()
        }

    def places(self, key: str) -> list[str]:
        """Return the links to a dataset that are still there."""
        links = [Path(project) / at for project, at in self._of(key)]
        return [str(link) for link in links if self._leads_to(link, key)]

    def forget(self, key: str) -> None:
        """Remove the links to a dataset, and what is remembered of them."""
        for project, at in self._of(key):
            link = Path(project) / at
            if self._leads_to(link, key):
                link.unlink()
        for link in self._links_for_kaggle():
            if self._leads_to(link, key):
                link.unlink()
        with self._lock, self._changed() as book:
            for project in list(book):
                kept = {at: one for at, one in book[project].items() if one["key"] != key}
                book[project] = kept
                if not kept:
                    del book[project]

    def _links_for_kaggle(self) -> Iterable[Path]:
        return [path for path in self._kaggle.glob("*") if path.is_symlink()]

    def _of(self, key: str) -> list[tuple[str, str]]:
        return [
            (project, at)
            for project, placed in self._read().items()
            for at, one in placed.items()
            if one["key"] == key
        ]

    def _leads_to(self, link: Path, key: str) -> bool:
        return link.is_symlink() and os.readlink(link) == str(self._root / key / "files")

    def _link(self, link: Path, key: str) -> bool:
        """Make a link, or turn one of ours; False if something else is there."""
        target = str(self._root / key / "files")
        if link.is_symlink():
            there = os.readlink(link)
            if there == target:
                return True
            if not Path(there).is_relative_to(self._root):
                return False
        elif os.path.lexists(link):
            return False
        new = link.with_name(f".~rgpu-{link.name}-{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        os.replace(new, link)
        return True

    def _note(self, project: Path, at: str, key: str, text: str, asked: str) -> None:
        with self._lock, self._changed() as book:
            here = book.setdefault(str(project), {})
            before = here.get(at, {"key": "", "asked": []})
            known = before["asked"] if before["key"] == key else []
            here[at] = {"key": key, "text": text, "asked": sorted({*known, asked, text} - {""})}

    @contextlib.contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        book = self._read()
        yield book
        new = self._book.with_name("placed.new")
        new.write_text(json.dumps(book))
        os.replace(new, self._book)

    def _read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._book.read_bytes())
        except FileNotFoundError:
            return {}
        return found


def exclude_from_git(link: Path) -> None:
    """Let Git leave a link alone, if it lies in a repository; the user's files stay as they are.

    A repository whose folder cannot be written stays as it is: the link is one
    small file in it.
    """
    root = next((folder for folder in link.parents if (folder / ".git").exists()), None)
    if root is None:
        return
    with contextlib.suppress(OSError):
        exclude = _git_folder(root / ".git") / "info" / "exclude"
        line = _escaped(f"/{link.relative_to(root).as_posix()}")
        text = exclude.read_text(errors="surrogateescape") if exclude.exists() else ""
        if line not in text.splitlines():
            exclude.parent.mkdir(exist_ok=True)
            with exclude.open("a", errors="surrogateescape") as file:
                file.write(f"{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n")


def _git_folder(git: Path) -> Path:
    """Return the folder that all worktrees of a repository share."""
    if git.is_dir():
        return git
    folder = (git.parent / git.read_text().partition("gitdir:")[2].strip()).resolve()
    common = folder / "commondir"
    return (folder / common.read_text().strip()).resolve() if common.exists() else folder


def _escaped(path: str) -> str:
    return "".join(f"\\{sign}" if sign in "*?[\\" else sign for sign in path)
