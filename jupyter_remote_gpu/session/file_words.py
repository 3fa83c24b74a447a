"""What is said of files, one line each: below a cell, in a table, in a terminal. Pure; no I/O.

Paths are shown by `path_text` alone, since a machine may have chosen them. Commands
are named as in a notebook; the terminal rewords them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.files.verdict import LeftOut, Why

from .summary import size_text
from .sync_report import Moved, Planned, Waiting

MOST_NAMED = 3


def count_text(count: int) -> str:
    """Return "1 file", "12,000 files"."""
    return f"{count:,} file" if count == 1 else f"{count:,} files"


def named(paths: Iterable[tuple[str, bool]]) -> str:
    """Name some paths, each with whether it is a folder: the first few, and how many more."""
    names = [path_text(path, is_folder=is_folder) for path, is_folder in sorted(paths)]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def moved_text(files: Sequence[Moved]) -> str:
    """Return some files in a few words: their names or how many they are, and their size.

    A folder in which something moved is not counted: what moved in it names it.
    """
    above = {one.path[:at] for one in files for at, letter in enumerate(one.path) if letter == "/"}
    moved = [one for one in files if one.path not in above]
    size = sum(one.bytes for one in moved)
    if len(moved) > MOST_NAMED:
        within = posixpath.commonpath([posixpath.dirname(one.path) for one in moved])
        text = count_text(len(moved))
        text += f" in {path_text(within, is_folder=True)}" if within else ""
    else:
        text = ", ".join(path_text(one.path) for one in moved)
    return f"{text} ({size_text(size)})" if size else text


def conflict_line(machine: str, one: Moved) -> str:
    """Return the line about a file that changed on both sides, with both names."""
    return (
        f"{path_text(one.path)} was changed here and on {machine}: the one of here stands,"
        f" {machine}'s is {path_text(one.other)}"
    )


def refused_line(path: str, why: str) -> str:
    """Return the line about a file that a side could not take."""
    return f"{path_text(path)} was not put in its place: {path_text(why)}"


def asking_line(one: Planned) -> str:
    """Return the line about a file that waits for the user's word before it travels."""
    size = size_text(one.bytes) if one.bytes else one.reason
    return _large(path_text(one.path), size)


def stays_line(left: LeftOut) -> str:
    """Return the line about something that a cell or script names and that does not travel."""
    path = path_text(left.path, is_folder=left.is_folder)
    if left.why is Why.LARGE:
        return _large(path, left.rule)
    line = f"{path} stays here: {left.why.value}" + (f" ({left.rule})" if left.rule else "")
    if left.why in (Why.SECRET, Why.IGNORED):
        line += f"; a line `!{path}` in a file .remotegpuignore lets it travel"
    return line


def _large(path: str, size: str) -> str:
    told = f" ({size})" if size else ""
    return (
        f"{path}{told} stays here because it is large:"
        f" `%remote_gpu sync --allow {quoted(path)}` sends it"
    )


def waiting_line(machine: str, waiting: Sequence[Waiting]) -> str:
    """Return the line that says that files of a machine wait for the user's word."""
    wait = "waits" if len(waiting) == 1 else "wait"
    return (
        f"{named((one.path, False) for one in waiting)} of {machine} {wait} for your word:"
        " `%remote_gpu kept --diff` shows why"
    )


def token_line(machine: str, path: str, what: str) -> str:
    """Return the line about a program that went with a token written into it."""
    return f"{path_text(path)} was sent and holds {what}: whoever can act on {machine} can read it"


def quoted(path: str) -> str:
    """Return a path as one word of a command."""
    plain = all(char.isalnum() or char in "/._-+@%:,=" for char in path)
    return path if plain else "'" + path.replace("'", "'\\''") + "'"
