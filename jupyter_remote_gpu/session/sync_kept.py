"""What the user says of what was put aside: shown, accepted, rejected."""

from __future__ import annotations

import os
from collections.abc import Sequence

from jupyter_remote_gpu.chunks.tree import FileEntry
from jupyter_remote_gpu.errors import FilesError
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.staging import Change

from .sync_aside import diff, text_of
from .sync_sides import Sides


def difference(sides: Sides, path: str) -> str:
    """Return how what waits at a path differs from what is here, as of the last look."""
    inside = waiting_at(sides, [path])[0]
    mine = sides.here.tree.get(inside)
    ours: str | None = ""
    if isinstance(mine, FileEntry):
        ours = text_of(mine.content, sides.here.held.get)
    return diff(os.fsdecode(inside), ours, sides.aside.text(inside))


def accept(sides: Sides, paths: Sequence[str]) -> tuple[str, ...]:
    """Put what waits into its place here; return the paths.

    What was changed here in this moment stays, and the accepted version lies beside it.
    """
    waiting = {path: sides.aside.waiting[path].entry for path in waiting_at(sides, paths)}
    changes = [Change(path, sides.here.tree.get(path), entry) for path, entry in waiting.items()]
    index, get = sides.here.index, sides.aside.get
    applied = Applier(sides.here.root, index, get, who=sides.machine, durable=True).apply(changes)
    sides.here.took(applied.done)
    for path in applied.done:
        if sides.there.known and sides.there.tree.get(path) == waiting[path]:
            sides.memory.agree(path, waiting[path], made_there=True)
    beside = [one.path for one in applied.conflicts if one.other is not None]
    sides.aside.take([*applied.done, *beside])
    sides.open |= waiting.keys()
    sides.memory.save()
    return tuple(sorted(map(os.fsdecode, (*applied.done, *beside))))


def reject(sides: Sides, paths: Sequence[str]) -> tuple[str, ...]:
    """Forget what waits; that version is not brought again. Returns the paths."""
    chosen = waiting_at(sides, paths)
    sides.aside.reject(chosen)
    return tuple(sorted(map(os.fsdecode, chosen)))


def waiting_at(sides: Sides, paths: Sequence[str]) -> list[bytes]:
    """Return what waits at these paths or in these folders; FilesError if nothing does."""
    found: dict[bytes, None] = {}
    for path in paths:
        one = inside(path)
        fit = [p for p in sides.aside.waiting if one in (p, b"") or p.startswith(one + b"/")]
        if not fit:
            raise FilesError(
                f"nothing of {path} from {sides.machine} waits to be accepted",
                hint="`%remote_gpu kept` lists what does.",
            )
        found.update(dict.fromkeys(fit))
    return list(found)


def inside(path: str) -> bytes:
    """Return a path that a user typed as trees have it; "" for the project itself."""
    plain = os.fsencode(os.path.normpath(path).replace(os.sep, "/")).strip(b"/")
    return b"" if plain == b"." else plain
