"""Datasets in projects: links to where they lie, and what is remembered of them.

    PROJECT/data/NAME            a link to the dataset's files
    BASE/datasets/placed.json    which project has which dataset where, and as what it was asked for

A link is named in `.git/info/exclude` of the repository it lies in, without a
slash at its end: a pattern with one does not match a link. What else is called
as at Kaggle is in `kaggle_input`.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import InTheWayError, UnsafePathError

from .kaggle_input import KAGGLE, KaggleInput
from .names import inside

_MARK_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A dataset in a project: its key, its address with version, and as what it was asked for.

    `of` is its address without a version, `version` the version where `text` has none.
    """

    key: str
    text: str
    asked: tuple[str, ...]
    of: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A dataset that is to be found in a project: key, address with version, as it was asked for.

    `of` and `version` as in `Placed`. `aside`: where its place has other data, it
    may have another, as who asks is told the path; else who asks reads the place.
    """

    key: str
    text: str
    asked: str
    of: str = ""
    version: str = ""
    aside: bool = False


class Placing:
    """The links to the datasets below `base`, which lie in `root`, and their names at Kaggle.

    Methods block for as long as a few files take; a name at Kaggle takes a link a file.
    """

    def __init__(self, base: Path, kaggle: Path = KAGGLE) -> None:
        self.root = base / "datasets"
        self._book = self.root / "placed.json"
        self.kaggle = KaggleInput(self.root, kaggle)
        self._lock = threading.Lock()

    def place(self, project: Path, at: str, wish: Wish) -> tuple[Path, str]:
        """Link a dataset into a project; return the link's path, and what is to be said of it.

        A link of ours to another version is replaced. Raises InTheWayError for
        anything else that is there, UnsafePathError for a path that leads out of
        the project.
        """
        with self._lock:
            at, note = self._free(project, inside(at), wish)
            link = project / at
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.parent.resolve().is_relative_to(project.resolve()):
                raise UnsafePathError(
                    f"{at!r:.200} leads out of the project; nothing was placed there"
                )
            if not self._link(link, wish.key):
                raise _in_the_way(project, at, "is not a dataset that was placed")
            exclude_from_git(link)
            self._note(project, at, wish)
        return link, note

    def place_for_kaggle(self, project: Path, name: str, key: str) -> tuple[str, str]:
        """Let a dataset be found where public Kaggle notebooks look for it.

        Returns its path there, or "" and why it has none: another project of the
        machine has other data of that name, or the machine does not let us.
        """
        with self._lock:
            holder = self.kaggle.holder(inside(name))
            if holder not in ("", key) and any(
                other != str(project) and self._leads_to(Path(other) / at, holder)
                for other, at in self._of(holder)
            ):
                told = f"another project on this machine has other data at {KAGGLE}/{name}"
                return "", f"{told}: `%remote_gpu data` lists them"
            found = self.kaggle.show(name, key)
            return found, "" if found else self.kaggle.why_not(name)

    def placed(self, project: Path) -> dict[str, Placed]:
        """Return what is placed in a project, by path below it: what a sync leaves alone."""
        found = self._read().get(str(project), {})
        return {at: Placed(**{**one, "asked": tuple(one["asked"])}) for at, one in found.items()}

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
        with self._lock, self._changed() as book:
            self.kaggle.forget(key)
            for project in list(book):
                kept = {at: one for at, one in book[project].items() if one["key"] != key}
                book[project] = kept
                if not kept:
                    del book[project]

    def is_read(self, key: str) -> bool:
        """Whether a process of this user has a file of a dataset open, or works in it."""
        prefixes = tuple(f"{place}/" for place in (self.root / key, *self.kaggle.places(key)))
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                for link in [*(process / "fd").iterdir(), process / "cwd"]:
                    with contextlib.suppress(OSError):
                        if os.readlink(link).startswith(prefixes):
                            return True
        return False

    def _free(self, project: Path, at: str, wish: Wish) -> tuple[str, str]:
        """Return where a dataset can be linked without taking another's place, and a note."""
        there = self.placed(project).get(at)
        link = project / at
        led = there is not None and self._leads_to(link, there.key) and link.exists()
        if there is None or there.key == wish.key or not led:
            return at, ""
        if wish.aside:
            if wish.asked in there.asked:
                return at, ""
            beside = f"{at}-{wish.key.rpartition('-')[2][:_MARK_LETTERS]}"
            return beside, f"{at} is {there.text}"
        if there.of != wish.of:
            raise _in_the_way(project, at, f"is {there.text}")
        return at, f"{at} was {there.text} until now"

    def _of(self, key: str) -> list[tuple[str, str]]:
        return [
            (project, at)
            for project, placed in self._read().items()
            for at, one in placed.items()
            if one["key"] == key
        ]

    def _leads_to(self, link: Path, key: str) -> bool:
        return link.is_symlink() and os.readlink(link) == str(self.root / key / "files")

    def _link(self, link: Path, key: str) -> bool:
        """Make a link, or turn one of ours; False if something else is there."""
        target = str(self.root / key / "files")
        if link.is_symlink():
            there = os.readlink(link)
            if there == target:
                return True
            if not Path(there).is_relative_to(self.root):
                return False
        elif os.path.lexists(link):
            return False
        new = link.with_name(f".~rgpu-{link.name}-{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        os.replace(new, link)
        return True

    def _note(self, project: Path, at: str, wish: Wish) -> None:
        with self._changed() as book:
            here = book.setdefault(str(project), {})
            before = here.get(at, {"key": "", "asked": []})
            known = before["asked"] if before["key"] == wish.key else []
            here[at] = {
                "key": wish.key,
                "text": wish.text,
                "asked": sorted({*known, wish.asked, wish.text} - {""}),
                "of": wish.of,
                "version": wish.version,
            }

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


def _in_the_way(project: Path, at: str, what: str) -> InTheWayError:
    return InTheWayError(
        f"{at} is there already, and {what}; it was left alone",
        where=str(project),
        hint="Move it away, or give the data another name: `%remote_gpu data ADDRESS --as NAME`.",
    )


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
