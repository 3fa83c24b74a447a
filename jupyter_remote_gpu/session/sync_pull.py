"""Bringing named files from the machine, also those that would not come by themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence

from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FolderEntry
from jupyter_remote_gpu.errors import NoSuchFileError, UnreadableError
from jupyter_remote_gpu.files.entries import entry_at
from jupyter_remote_gpu.files.folders import Folder
from jupyter_remote_gpu.files.plan import Do, Plan, Step
from jupyter_remote_gpu.files.returning import may_return, unsafe_to_load
from jupyter_remote_gpu.protocol.steps import Told

from .sync_back import Brought, bring
from .sync_sides import Sides


def pull(sides: Sides, paths: Sequence[bytes], told: Told) -> Brought:
    """Bring what lies there at paths, in folders, or fits patterns. Blocks.

    What differs here and was changed here stays, and the machine's version lies
    beside it. From a machine that is not trusted what can run is put aside, as
    ever; what was rejected is offered again. Raises NoSuchFileError if nothing fits,
    and what bringing back raises.
    """
    sides.look_here(told)
    found = sides.there.find(paths)
    if not found:
        text = ", ".join(map(os.fsdecode, paths))
        raise NoSuchFileError(
            f"there is nothing called {text} on {sides.machine}",
            hint="Paths are those below the project's folder; patterns such as out/*.pt too.",
        )
    sides.aside.reconsider(found)
    wanted = Plan()
    for path, entry in found.items():
        step = _step(sides, path, entry)
        if step is not None:
            wanted.steps[path] = step
            if unsafe_to_load(path):
                wanted.unsafe.add(path)
    brought = bring(sides, wanted, None, told)
    for path in found:
        if path not in sides.there.tree:
            # it does not travel by itself: nothing is followed
            sides.memory.agree(path, None)
    sides.here.look_at_all_next()
    sides.memory.save()
    return brought


def _step(sides: Sides, path: bytes, entry: Entry) -> Step | None:
    mine = sides.here.tree.get(path) or _lies_here(sides, path)
    if mine == entry:
        return None
    last = sides.memory.agreed.get(path)
    if not sides.trusted:
        ours = last is not None and not last.made_there
        reason = "it changes what came from here" if ours else may_return(path, entry)
        if reason and not isinstance(entry, FolderEntry):
            return Step(path, Do.QUARANTINE, mine, entry, reason)
    if mine is None or (last is not None and last.entry == mine):
        return Step(path, Do.FETCH, mine, entry)
    if FOLDER in (mine, entry):
        return None
    return Step(path, Do.KEEP_BOTH, mine, entry)


def _lies_here(sides: Sides, path: bytes) -> Entry | None:
    """Return what lies here at a path that does not travel."""
    parent, _, name = path.rpartition(b"/")
    try:
        with Folder.at(sides.here.root) as root, root.walk(parent) as folder:
            return entry_at(folder, name)
    except (OSError, UnreadableError):
        return None
