"""What of ours lies on the machine, what it weighs, who uses it; and freeing it.

An item is a folder, named by its path below our folder:

| kind | item |
|---|---|
| `environment` | `workspaces/NAME/environments/VARIANT` |
| `dataset` | `datasets/KEY`: data that workspaces share |
| `files` | `workspaces/NAME/project`: the project's files, and what cells wrote there |
| `cache` | `cache/uv`: packages as they were fetched, shared with environments |
| `store` | `store/packs`: pieces of files that were sent, so that none is sent twice |
| `python` | `pythons/NAME` |
| `agent` | `agents/NAME`, `parts/NAME`, `kernel_parts/NAME`, `carried/NAME` |
| `kernel` | `home/kernels/ID`: what is left of a kernel that has ended |

All functions block: they look at every file.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .datasets.placing import Placing

AN_AGENT = "an agent"
_KINDS = (
    ("environment", "workspaces/*/environments/*/"),
    ("files", "workspaces/*/project/"),
    ("dataset", "datasets/[!.]*/"),
    ("python", "pythons/*/"),
    ("agent", "agents/*/"),
    ("agent", "parts/*/"),
    ("agent", "kernel_parts/*/"),
    ("agent", "carried/*/"),
    ("kernel", "home/kernels/*/"),
    ("cache", "cache/uv/"),
    ("store", "store/packs/"),
)
"""In this order bytes that several share are counted: with the first of them."""
_BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True)
class Living:
    """A kernel that lives: its id, interpreter, working folder."""

    kernel: str
    python: str
    folder: str


class Remains:
    """What lies below `base`. `root` is where the agent itself runs from.

    `living` tells of the kernels that live now: what they use is never freed;
    nor what environments are made of while one is `building`.
    """

    def __init__(
        self,
        base: Path,
        root: Path,
        living: Callable[[], Sequence[Living]],
        building: Callable[[], bool],
    ) -> None:
        self._base = base
        self._root = root
        self._living = living
        self._building = building

    def items(self) -> list[dict[str, Any]]:
        """Return all items with their sizes, as `protocol.messages.Remains` has them.

        The sizes add up to what the disk holds: a file that environments share
        with the cache is counted once.
        """
        seen: set[tuple[int, int]] = set()
        found = []
        for kind, folder in self._folders():
            by = self._users(kind, folder)
            size = sum(_size(one) for one in _files(folder) if _is_first(one, seen))
            if size or by or kind != "files":
                found.append(
                    {
                        "item": str(folder.relative_to(self._base)),
                        "kind": kind,
                        "name": _name(kind, folder),
                        "bytes": size,
                        "used": _used(kind, folder),
                        "by": by,
                    }
                )
        return found

    def clean(self, items: Iterable[str]) -> dict[str, Any]:
        """Free items; return `freed` bytes, and `kept`: {item: why} for what was not freed."""
        wanted = set(items)
        freed, kept = 0, {}
        for kind, folder in self._folders():
            item = str(folder.relative_to(self._base))
            if item not in wanted:
                continue
            wanted.discard(item)
            why = self._why_kept(kind, folder)
            if why is not None:
                kept[item] = why
                continue
            size, why = self._free(kind, folder)
            freed += size
            if why is not None:
                kept[item] = why
        kept.update(dict.fromkeys(wanted, "there is nothing of that name"))
        return {"freed": freed, "kept": kept}

    def _folders(self) -> list[tuple[str, Path]]:
        return [
            (kind, folder)
            for kind, pattern in _KINDS
            for folder in sorted(self._base.glob(pattern.rstrip("/")))
            if folder.is_dir() and not folder.is_symlink()
        ]

    def _users(self, kind: str, folder: Path) -> list[str]:
        """Return the ids of kernels that need a folder, and whether this agent does."""
        living = self._living()
        if kind == "environment":
            return [one.kernel for one in living if _below(one.python, folder)]
        if kind == "files":
            return [one.kernel for one in living if _below(one.folder, folder)]
        if kind == "kernel":
            return [one.kernel for one in living if one.kernel == folder.name]
        if kind == "python":
            return [one.kernel for one in living if _below(_ground(Path(one.python)), folder)]
        if kind == "agent":
            links = (self._base / "agents").glob("*/*")
            linked = {os.path.realpath(link) for link in links if link.is_symlink()}
            if folder == self._root or os.path.realpath(folder) in linked:
                return [AN_AGENT]
            # A kernel that runs has loaded an agent's files, and loads more of them later.
            return _mentioned(folder, living)
        return []

    def _why_kept(self, kind: str, folder: Path) -> str | None:
        users = self._users(kind, folder)
        if kind == "dataset" and Placing(self._base).is_read(folder.name):
            return "a process reads from it"
        if kind in ("environment", "cache", "python") and self._building():
            return "an environment is being built"
        if users == [AN_AGENT]:
            return "an agent runs from it"
        if users:
            return "a living kernel uses it" if len(users) == 1 else "living kernels use it"
        if kind == "python":
            for environment in self._base.glob("workspaces/*/environments/*/bin/python"):
                if _below(_ground(environment), folder):
                    name = environment.parents[1].relative_to(self._base)
                    return f"the environment {name} is made of it; free that one too"
        return None

    def _free(self, kind: str, folder: Path) -> tuple[int, str | None]:
        """Remove a folder; return the bytes the disk got back, and what stood against it."""
        freed = [0]
        try:
            self._remove(kind, folder, freed)
        except OSError as error:
            return freed[0], f"not all of it could be removed: {error}"
        return freed[0], None

    def _remove(self, kind: str, folder: Path, freed: list[int]) -> None:
        if kind == "environment":
            # Without its stamp nobody takes for whole what is half removed.
            Path(f"{folder}.json").unlink(missing_ok=True)
        if kind == "dataset":
            Placing(self._base).forget(folder.name)
        _remove(folder, freed)
        if kind == "store":
            # this agent has it open, and writes there whatever comes next
            folder.mkdir(mode=0o700)
        if kind in ("environment", "files"):
            workspace = next(p for p in folder.parents if p.parent.name == "workspaces")
            if not any(_files(workspace / "project")) and not any(
                path.is_dir() for path in (workspace / "environments").glob("*")
            ):
                _remove(workspace, freed)


def _remove(folder: Path, freed: list[int]) -> None:
    """Remove a folder; the only number of `freed` grows by what the disk gets back."""
    for root, folders, names in os.walk(folder, topdown=False):
        os.chmod(root, stat.S_IRWXU)
        for name in names:
            path = os.path.join(root, name)
            found = os.lstat(path)
            os.unlink(path)
            freed[0] += _size(found) if found.st_nlink == 1 else 0
        for name in folders:
            path = os.path.join(root, name)
            if os.path.islink(path):
                os.unlink(path)
            else:
                os.rmdir(path)
    os.rmdir(folder)


def _files(folder: Path) -> Iterable[os.stat_result]:
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # it went while we looked
                yield os.lstat(os.path.join(root, name))


def _is_first(found: os.stat_result, seen: set[tuple[int, int]]) -> bool:
    if found.st_nlink == 1:
        return True
    key = (found.st_dev, found.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _size(found: os.stat_result) -> int:
    return found.st_blocks * _BLOCK_BYTES


def _below(path: str | Path, folder: Path) -> bool:
    return Path(path).is_relative_to(folder)


def _ground(python: Path) -> Path:
    """Return the interpreter that an environment's is a link to."""
    return Path(os.path.realpath(python))


def _mentioned(folder: Path, living: Sequence[Living]) -> list[str]:
    """Return the kernels that were started with a folder in their command line."""
    lines = {line for line in (_command(path) for path in _processes()) if str(folder) in line}
    if not lines:
        return []
    return [one.kernel for one in living if any(one.kernel in line for line in lines)] or [
        "a process"
    ]


def _processes() -> Iterable[Path]:
    return Path("/proc").glob("[0-9]*/cmdline")


def _command(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""  # it has just ended


def _name(kind: str, folder: Path) -> str:
    """Name an item for people."""
    if kind == "environment":
        return f"{folder.parents[1].name}, Python {folder.name.replace('-over-', ' over image ')}"
    if kind == "files":
        return folder.parent.name
    names = {"cache": "packages as fetched", "store": "pieces of files that were sent"}
    return names.get(kind, folder.name)


def _used(kind: str, folder: Path) -> float:
    """Return when an item was last used, as far as it tells; 0 if it does not."""
    stamp = Path(f"{folder}.json") if kind == "environment" else folder
    try:
        return stamp.stat().st_mtime
    except OSError:
        return 0.0


def store_bytes(base: Path) -> int:
    """Return how much of the disk pieces of files take that are kept so as not to be sent again."""
    return sum(map(_size, _files(base / "store")))


def living(kernels: Iterable[Mapping[str, Any]]) -> list[Living]:
    """Return the kernels that live, of descriptions as `KernelHandle.describe` gives them."""
    return [
        Living(one["kernel"], one["python"], one["folder"]) for one in kernels if not one["dead"]
    ]
