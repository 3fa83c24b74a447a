"""The guard before much is sent: one question with numbers, instead of hours on the line."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from jupyter_remote_gpu.chunks.listing import NAME_BYTES
from jupyter_remote_gpu.chunks.manifest import Content, chunk_names
from jupyter_remote_gpu.chunks.tree import FileEntry
from jupyter_remote_gpu.errors import TooMuchError
from jupyter_remote_gpu.files.measure import Measure, largest_folders
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.files.plan import Step

from .file_words import count_text
from .summary import about_text, size_text
from .sync_sides import Sides, size_of
from .sync_there import There

GUARD_BYTES = 2_000_000_000
"""More is not sent without a question, unless the user's settings say otherwise."""
_ASKED_NAMES = 1 << 11
_MOST_NAMES = 1 << 17
_SURE_SECONDS = 0.2
"""A speed that was seen for a shorter time says little."""


def measure_of(sides: Sides) -> Measure | None:
    """Return what counts the files that a look at here would read; None without a limit.

    Those of which the machine has one of the same size are not counted, as they may be
    it, renamed: what has to be sent is known exactly once they were read.
    """
    if sides.most_sent is None:
        return None
    last = [one.entry for one in sides.memory.agreed.values()]
    sizes = {size_of(entry) for entry in (*last, *sides.there.tree.values())}
    return Measure(sides.most_sent, lambda path, size: size in sizes)


def too_much(sides: Sides, sizes: Mapping[bytes, int]) -> TooMuchError:
    """Return the error for files that are not sent without a question; measures the line."""
    total = sum(sizes.values())
    folders = largest_folders(sizes)
    most = ", ".join(f"{path_text(path)} ({size_text(size)})" for path, size in folders)
    shown = path_text(folders[0][0]) if folders else "PATH"
    rate = speed(sides.there)
    return TooMuchError(
        f"the project {sides.here.root} holds {size_text(total)} in {count_text(len(sizes))} that"
        f" {sides.machine} does not have: nothing was sent",
        hint=(f"The most lies in {most}. " if most else "")
        + f"At {size_text(rate)}/s it takes about {about_text(total / rate)}."
        + f"\nA line `{shown}` in a file .remotegpuignore keeps that here;"
        + " `%remote_gpu sync --yes` sends all of it.",
    )


def refuse_too_much(sides: Sides, steps: Mapping[bytes, Step]) -> None:
    """Raise TooMuchError if the machine lacks more of these files than may go; asks it if so."""
    most = sides.most_sent
    if most is None or sum(size_of(step.here) for step in steps.values()) <= most:
        return
    lying = {e.content for e in sides.there.tree.values() if isinstance(e, FileEntry)}
    contents = {
        path: step.here.content
        for path, step in steps.items()
        if isinstance(step.here, FileEntry) and step.here.content not in lying
    }
    if sum(content.size for content in contents.values()) <= most:
        return
    sizes = _lacking(sides, contents)
    if sum(sizes.values()) > most:
        raise too_much(sides, sizes)


def _lacking(sides: Sides, contents: Mapping[bytes, Content]) -> dict[bytes, int]:
    """Return how many bytes of each file the machine has in no project."""
    chunks = {p: chunk_names([one], sides.here.held.get) for p, one in contents.items()}
    names = list({name for some in chunks.values() for name in some})
    lacking = sides.there.lacking(names)
    sizes = {
        path: sum(size for name, size in some.items() if name in lacking)
        for path, some in chunks.items()
    }
    return {path: size for path, size in sizes.items() if size}


def speed(there: There) -> float:
    """Return about how many bytes a second go to the machine: it is asked for odd names."""
    count = _ASKED_NAMES
    while True:
        began = time.monotonic()
        there.lacking([secrets.token_bytes(NAME_BYTES) for _ in range(count)])
        took = time.monotonic() - began
        if took >= _SURE_SECONDS or count >= _MOST_NAMES:
            return count * NAME_BYTES / max(took, 1e-6)
        count *= 4
