"""Bringing back what changed on the machine: small files first, each whole or not at all."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from jupyter_remote_gpu.chunks.directory_store import DirectoryStore
from jupyter_remote_gpu.chunks.listing import Get
from jupyter_remote_gpu.chunks.manifest import chunk_names
from jupyter_remote_gpu.chunks.store import MemoryStore, Store
from jupyter_remote_gpu.chunks.tree import FileEntry
from jupyter_remote_gpu.errors import LackingError, UnreadableError
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.entries import entry_at, same_bytes
from jupyter_remote_gpu.files.folders import Folder
from jupyter_remote_gpu.files.held import first_of
from jupyter_remote_gpu.files.plan import Do, Plan, Step
from jupyter_remote_gpu.files.staging import Change, other_names
from jupyter_remote_gpu.protocol.steps import Told

from .sync_report import Moved
from .sync_sides import Sides, moved, size_of

MEMORY_BYTES = 4 << 20
"""What is more is kept on the disk while it comes, so that it goes on after a break."""
_NO_LIMIT = 1 << 62
_MANY_FILES = 500
"""For so many, waiting until each has reached the disk would take longer than bringing them."""


@dataclass(slots=True)
class Brought:
    """What came. `late` was too much for now, `coming` was on its way already; with `again`
    something changed in this moment.
    """

    back: list[Moved] = field(default_factory=list)
    conflicts: list[Moved] = field(default_factory=list)
    late: list[Step] = field(default_factory=list)
    coming: list[Step] = field(default_factory=list)
    ours: set[bytes] = field(default_factory=set)
    """Paths whose other version is in safety: the one of here may be sent over it."""
    refused: dict[bytes, str] = field(default_factory=dict)
    again: bool = False


def bring(sides: Sides, found: Plan, budget: int | None, told: Told) -> Brought:
    """Bring back what a plan says, up to `budget` bytes of files. Blocks.

    What both sides have afterwards is agreed upon. Raises what asking the machine
    raises, DiskFullError, LackingError if files changed there in this moment.
    """
    brought = Brought()
    steps = _affordable(sides, found, budget, brought)
    contents = [step.there.content for step in steps if isinstance(step.there, FileEntry)]
    total = sum(content.size for content in contents)
    store = MemoryStore(_NO_LIMIT) if total <= MEMORY_BYTES else arriving(sides)
    sides.there.fetch(contents, sides.here.held, store, told)
    try:
        _place(sides, steps, found, store, brought)
    except LackingError:
        # what a file here was taken to hold it holds no more; that is known now
        sides.there.fetch(contents, sides.here.held, store, told)
        _place(sides, steps, found, store, brought)
    if isinstance(store, DirectoryStore):
        if not brought.again and not brought.late:
            store.trim(0)  # all of it lies in files now
        store.close()
    return brought


def _place(sides: Sides, steps: list[Step], found: Plan, store: Store, brought: Brought) -> None:
    get = first_of(sides.there.get, store.get, sides.here.held.get)
    whole = [step for step in steps if _is_whole(step, get, sides, store)]
    brought.again = len(whole) < len(steps)
    _put_aside(sides, [s for s in whole if s.do is Do.QUARANTINE], found, get, brought)
    apply(sides, [s for s in whole if s.do is not Do.QUARANTINE], get, brought)


def arriving(sides: Sides) -> DirectoryStore:
    """Return the store in which large files lie until they are whole."""
    return DirectoryStore(sides.folder / "arriving", _NO_LIMIT)


def finish(sides: Sides, late: Step, store: Store) -> Brought:
    """Put a file that came in the background into its place, if it still is what lies there."""
    brought = Brought()
    if not sides.there.known or sides.there.tree.get(late.path) != late.there:
        return brought
    found = sides.plan({late.path})
    step = found.steps.get(late.path)
    if step is None or step.there != late.there:
        return brought
    get = first_of(store.get, sides.here.held.get)
    if not _is_whole(step, get, sides, store):
        raise LackingError(f"{os.fsdecode(late.path)} was changed while it came")
    if step.do is Do.QUARANTINE:
        _put_aside(sides, [step], found, get, brought)
    elif step.do in (Do.FETCH, Do.KEEP_BOTH):
        apply(sides, [step], get, brought)
    return brought


def apply(sides: Sides, steps: list[Step], get: Get, brought: Brought) -> None:
    """Put what has come into its place here, and agree upon it."""
    changes: list[Change] = []
    beside: dict[bytes, Step] = {}
    for step in steps:
        if step.do is Do.KEEP_BOTH:
            name = _free_name(sides, step.path, beside)
            beside[name] = step
            changes.append(Change(name, None, step.there))
        elif (earlier := _kept_earlier(sides, step)) is not None:
            beside[earlier] = step
            changes.append(Change(earlier, step.here, step.there))
        else:
            changes.append(Change(step.path, step.here, step.there))
    durable = len(changes) < _MANY_FILES
    index, machine = sides.here.index, sides.machine
    applied = Applier(sides.here.root, index, get, who=machine, durable=durable).apply(changes)
    sides.here.took(applied.done)
    by_path = {step.path: step for step in steps if step.do is not Do.KEEP_BOTH}
    for path in applied.done:
        if path in beside:
            step = beside[path]
            sides.agree(step, step.there)
            brought.ours.add(step.path)
            brought.conflicts.append(moved(step.path, step.there, path))
        else:
            sides.agree(by_path[path], by_path[path].there)
            brought.back.append(moved(path, by_path[path].there))
    for conflict in applied.conflicts:
        brought.again = True
        if conflict.other is not None and conflict.path in by_path:
            step = by_path[conflict.path]
            sides.memory.agree(step.path, step.there)
            brought.conflicts.append(moved(step.path, step.there, conflict.other))
    brought.refused.update(applied.refused)
    sides.aside.take([path for path in applied.done if path in sides.aside.waiting])


def _affordable(sides: Sides, found: Plan, budget: int | None, brought: Brought) -> list[Step]:
    """Return the steps that bring something and are not too much for now, the smallest first."""
    steps: list[Step] = []
    left = budget
    wanted = found.of(Do.DELETE_HERE, Do.FETCH, Do.KEEP_BOTH, Do.QUARANTINE)
    for step in sorted(wanted, key=lambda step: size_of(step.there)):
        if step.do is Do.QUARANTINE and sides.aside.knows(step.path, step.there):
            brought.ours.add(step.path)
            continue
        if sides.coming(step.path, step.there):
            brought.coming.append(step)
            continue
        if step.do is Do.FETCH and step.here is None and _lies_here(sides, step):
            sides.agree(step, step.there)
            continue
        if left is not None:
            if size_of(step.there) > left:
                brought.late.append(step)
                continue
            left -= size_of(step.there)
        steps.append(step)
    return steps


def _lies_here(sides: Sides, step: Step) -> bool:
    """Whether just this lies here, where nobody looks since it does not travel from here."""
    if not isinstance(step.there, FileEntry):
        return False
    parent, _, name = step.path.rpartition(b"/")
    try:
        with Folder.at(sides.here.root) as root, root.walk(parent) as folder:
            return _is_that(folder, name, step.there)
    except (OSError, UnreadableError):
        return False  # it is brought, and put beside what cannot be looked at


def _is_whole(step: Step, get: Get, sides: Sides, store: Store) -> bool:
    """Whether all of a file has come, or is here."""
    if not isinstance(step.there, FileEntry):
        return True
    try:
        names = chunk_names([step.there.content], get)
    except LackingError:
        return False
    # asked of each file of thousands: nothing here may cost as much as all that arrived
    arrived = sides.there.arrived
    missing = {name for name in names if name not in arrived}
    return not missing or missing <= store.having(missing) | sides.here.held.having(missing)


def _put_aside(
    sides: Sides, steps: Iterable[Step], found: Plan, get: Get, brought: Brought
) -> None:
    for step in steps:
        assert step.there is not None, "what is deleted there is not put aside"
        unsafe = step.path in found.unsafe
        sides.aside.put(step.path, step.there, step.reason, get, unsafe=unsafe)
        brought.ours.add(step.path)
        if step.here is not None:
            sides.memory.agree(step.path, step.there)


def _free_name(sides: Sides, path: bytes, taken: dict[bytes, Step]) -> bytes:
    """Return a name beside a path under which nothing lies here."""
    parent, slash, name = path.rpartition(b"/")
    for other in other_names(name, sides.machine):
        full = parent + slash + other
        if full not in taken and not os.path.lexists(sides.here.root / os.fsdecode(full)):
            return full
    raise AssertionError("there are more names than files")


def _kept_earlier(sides: Sides, step: Step) -> bytes | None:
    """Return where the machine's last version of a file lies, if that is beside one of here.

    What does not travel from here stays different for ever: each new version takes the
    place of the last one, which nobody has changed, and they do not pile up.
    """
    if step.do is not Do.FETCH or not isinstance(step.here, FileEntry):
        return None
    parent, slash, name = step.path.rpartition(b"/")
    try:
        with Folder.at(sides.here.root) as root, root.walk(parent) as folder:
            names = other_names(name, sides.machine)
            beside = itertools.takewhile(lambda one: folder.stat(one) is not None, names)
            kept = next((one for one in beside if _is_that(folder, one, step.here)), None)
            if kept is None or folder.stat(name) is None or _is_that(folder, name, step.here):
                return None
    except (OSError, UnreadableError):
        return None  # its folder is not here any more, or closed
    return parent + slash + kept


def _is_that(folder: Folder, name: bytes, entry: FileEntry) -> bool:
    """Whether a file has just these bytes; it is read only if it has as many."""
    status = folder.stat(name)
    if status is None or status.st_size != entry.content.size:
        return False
    return same_bytes(entry_at(folder, name), entry)
