"""Paths as a user types them, and what they stand for in the project. Pure, but for `~`."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.files.path_text import path_text

_PATTERN = frozenset("*?[")
_MOST_NAMED = 6


def told_path(root: Path, folder: Path, text: str) -> str:
    """Return a path typed in `folder` as the project `root` has it: with slashes, from its root.

    It need not exist; patterns stay patterns; "" is the project itself. No link is
    followed. Raises RequestError if it leads out of the project.
    """
    told = os.path.normpath(folder / os.path.expanduser(text))
    inside = os.path.relpath(told, root)
    if inside == os.pardir or inside.startswith(os.pardir + os.sep):
        raise RequestError(
            f"{text} lies outside of the project {root}",
            hint="Only what lies in the project's folder travels.",
        )
    return "" if inside == os.curdir else inside.replace(os.sep, "/")


def told_paths(root: Path, folder: Path, text: str) -> list[str]:
    """Return what a typed path may mean, the likeliest first.

    That is from `folder`; and from the project's, as paths are shown, unless it
    begins with a dot. RequestError if it leads out of the project.
    """
    found = [told_path(root, folder, text)]
    if not text.startswith((".", "/", "~")) and folder != root:
        found.append(told_path(root, root, text))
    return found


def picked(paths: Iterable[str], told: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which paths the told ones stand for, in their order; and what stood for none.

    A told one is a path, a folder above, or a pattern in which `*` stands for
    slashes too; "" stands for all.
    """
    every = list(paths)
    hits = {one: {path for path in every if _stands_for(one, path)} for one in told}
    found = set().union(*hits.values()) if hits else set()
    return [path for path in every if path in found], [one for one in told if not hits[one]]


def picked_or_error(paths: Sequence[str], told: Sequence[str], where: str) -> list[str]:
    """Return which paths the told ones stand for; RequestError if one stands for none.

    `where` completes the sentence "there is no x …".
    """
    found, missing = picked(paths, told)
    if missing:
        named = ", ".join(path_text(path) for path in paths[:_MOST_NAMED])
        more = len(paths) - _MOST_NAMED
        there = f"There are: {named}" + (f" and {more:,} more." if more > 0 else ".")
        raise RequestError(
            f"there is no {', '.join(map(path_text, missing))} {where}",
            hint=there if paths else "There are none.",
        )
    return found


def _stands_for(told: str, path: str) -> bool:
    told = told.rstrip("/")
    if not told or path == told or path.startswith(told + "/"):
        return True
    return not _PATTERN.isdisjoint(told) and fnmatch.fnmatchcase(path, told)
