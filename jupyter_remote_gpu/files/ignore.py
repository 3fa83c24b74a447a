"""Who decides whether an entry travels: ignore files on the way down, and the built-in rules.

In this order, the first that speaks decides:

1. what never travels (`.git`, our own unfinished files);
2. `.remotegpuignore`, the nearest first: what it names stays, what it names with
   `!` travels, against every rule below;
3. datasets, and the built-in rules (`rules`);
4. `.gitignore`, the nearest first, `.git/info/exclude`, the user's global one.

As with Git, nothing inside a folder that stays is asked about.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import rules
from .patterns import Pattern, Patterns
from .stamp import Stamp
from .verdict import LeftOut, Why

GIT_FILE = b".gitignore"
OUR_FILE = b".remotegpuignore"
NAMES = frozenset({GIT_FILE, OUR_FILE})
DEFAULT_LARGE_BYTES = 256 << 20
_MAX_FILE_BYTES = 1 << 20
_GIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """One ignore file: its lines, the folder they are relative to, what it is called."""

    base: bytes
    patterns: Patterns
    called: str


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The ignore files that count in one folder, the nearest first."""

    ours: tuple[_Source, ...] = ()
    git: tuple[_Source, ...] = ()


class Ignore:
    """The rules of one project; made anew when an ignore file has changed.

    `datasets` are paths at which datasets are placed; `large_bytes` is the size
    above which a file waits until the user has named it (`wanted`), None for no
    such size. `sending` is False on a machine: what a cell wrote there comes back
    although a `.gitignore` names it, since those are about what is sent.
    """

    def __init__(
        self,
        root: Path,
        *,
        datasets: Collection[bytes] = (),
        wanted: Collection[bytes] = (),
        large_bytes: int | None = DEFAULT_LARGE_BYTES,
        sending: bool = True,
    ) -> None:
        self._root = root
        self._datasets = frozenset(datasets)
        self._wanted = frozenset(wanted)
        self._large = large_bytes
        self._sending = sending
        self._everywhere = _everywhere(root) if sending else []
        self._levels: dict[bytes | None, tuple[object, Level]] = {}

    def top(self) -> Level:
        """Return the level above the project's folder: what counts in all of it.

        The same object as before, if nothing of it has changed.
        """
        read = [(called, _read(path)) for path, called in self._everywhere]
        return self._same_or_new(
            None,
            read,
            lambda: Level(
                git=tuple(
                    [
                        _Source(b"", Patterns(data), called)
                        for called, data in read
                        if data is not None
                    ]
                )
            ),
        )

    def below(self, level: Level, folder: bytes, files: Mapping[bytes, Stamp]) -> Level:
        """Return the level of a folder, given that of its parent and the ignore files in it.

        Reads those. `folder` ends with a slash, or is empty. The same object as
        before, if the level above is and so are the files.
        """
        if not files:
            return level

        def make() -> Level:
            ours = self._with(level.ours, folder, OUR_FILE) if OUR_FILE in files else level.ours
            counts = self._sending and GIT_FILE in files
            git = self._with(level.git, folder, GIT_FILE) if counts else level.git
            return Level(ours, git)

        return self._same_or_new(folder, (level, dict(files)), make)

    def _same_or_new(self, key: bytes | None, made_of: object, make: Callable[[], Level]) -> Level:
        old = self._levels.get(key)
        if old is None or old[0] != made_of:
            old = (made_of, make())
            self._levels[key] = old
        return old[1]

    def _with(
        self, sources: tuple[_Source, ...], folder: bytes, name: bytes
    ) -> tuple[_Source, ...]:
        data = _read(self._root / os.fsdecode(folder + name))
        if data is None:
            return sources
        return (_Source(folder, Patterns(data), os.fsdecode(folder + name)), *sources)

    def look(self, level: Level, path: bytes, *, is_folder: bool) -> LeftOut | None:
        """Return why an entry of the folder that `level` belongs to stays; None if it travels."""
        said = rules.always_out(path, is_folder=is_folder)
        if said is None:
            asked = _asked(level.ours, path, is_folder=is_folder)
            if asked is not None:
                source, pattern = asked
                if pattern.negated:
                    return None
                return _left_out(path, source, pattern, is_folder=is_folder)
            if path in self._datasets:
                return LeftOut(path, Why.DATASET, os.fsdecode(path), is_folder)
            said = rules.built_in(path, is_folder=is_folder)
        if said is not None:
            return LeftOut(path, *said, is_folder)
        asked = _asked(level.git, path, is_folder=is_folder)
        if asked is None or asked[1].negated:
            return None
        return _left_out(path, *asked, is_folder=is_folder)

    def asked_for(self, level: Level, path: bytes) -> bool:
        """Whether `.remotegpuignore` names a file with `!`: then it travels, whatever it holds."""
        asked = _asked(level.ours, path, is_folder=False)
        return asked is not None and asked[1].negated

    def too_large(self, level: Level, path: bytes, size: int) -> LeftOut | None:
        """Return that a file waits for the user's word because of its size; None if it does not."""
        if (
            self._large is None
            or size <= self._large
            or path in self._wanted
            or self.asked_for(level, path)
        ):
            return None
        return LeftOut(path, Why.LARGE, f"{size / 1e6:,.0f} MB")


def _asked(
    sources: tuple[_Source, ...], path: bytes, *, is_folder: bool
) -> tuple[_Source, Pattern] | None:
    for source in sources:
        found = source.patterns.match(path[len(source.base) :], is_folder=is_folder)
        if found is not None:
            return source, found
    return None


def _left_out(path: bytes, source: _Source, pattern: Pattern, *, is_folder: bool) -> LeftOut:
    line = pattern.text.decode(errors="replace").strip()
    return LeftOut(path, Why.IGNORED, f"{source.called}, line {pattern.line}: {line}", is_folder)


def _read(path: Path) -> bytes | None:
    """Return an ignore file's bytes; None if it is none. As for Git, links are not followed."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None  # a file that cannot be read is named by the scan


def _everywhere(root: Path) -> list[tuple[Path, str]]:
    """Return the ignore files that count in the whole project, the nearest first."""
    found = [(_git_folder(root) / "info" / "exclude", ".git/info/exclude")]
    users = _users_own(root)
    return [*found, (users, str(users))] if users is not None else found


def _git_folder(root: Path) -> Path:
    """Return where the repository's own files are; of a worktree, where they are shared."""
    git = root / ".git"
    try:
        pointer = git.read_text().strip() if git.is_file() else ""
        if not pointer.startswith("gitdir: "):
            return git
        folder = root / pointer.removeprefix("gitdir: ")
        common = folder / "commondir"
        return folder / common.read_text().strip() if common.is_file() else folder
    except (OSError, UnicodeDecodeError):
        return git


def _users_own(root: Path) -> Path | None:
    """Return the user's global ignore file, as Git would find it."""
    try:
        done = subprocess.run(
            ["git", "config", "--path", "--get", "core.excludesFile"],
            cwd=root,
            capture_output=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
        told = os.fsdecode(done.stdout.strip())
    except (OSError, subprocess.TimeoutExpired):
        told = ""  # without Git there is no configuration of Git
    if told:
        return Path(told)
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(home) / "git" / "ignore"
