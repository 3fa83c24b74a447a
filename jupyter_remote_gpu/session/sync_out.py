"""Sending what changed here: what a run's request can carry, and what goes before it."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_remote_gpu.chunks.lacking import Needed, new_since
from jupyter_remote_gpu.chunks.listing import Get, Listed, names_of_nodes
from jupyter_remote_gpu.chunks.manifest import Content
from jupyter_remote_gpu.chunks.tree import Encoded, Entry, FileEntry
from jupyter_remote_gpu.errors import LackingError
from jupyter_remote_gpu.files.plan import Step
from jupyter_remote_gpu.protocol.steps import Told

from .sync_guard import refuse_too_much
from .sync_parts import send_parts
from .sync_report import Moved
from .sync_sides import Sides, moved, wanted_of

ASKED_BYTES = 1 << 20
"""More is not sent before the machine was asked what of it it has."""
_MOST_LIST_BYTES = 1 << 30


def small(sides: Sides, steps: Mapping[bytes, Step], most_bytes: int) -> dict[bytes, bytes] | None:
    """Return the nodes and chunks the machine lacks for these steps, sent without asking.

    None if they may be more than `most_bytes`. Raises LackingError for a file that
    changes in this moment.
    """
    held: Get = sides.here.held.get
    target = sides.there.target(wanted_of(steps))
    needed = _needed(sides, target, steps, held)
    if needed is None or needed.bytes > most_bytes:
        return None
    return {**needed.nodes, **{name: held(name) for name in needed.chunks}}


def send(
    sides: Sides, steps: dict[bytes, Step], told: Told
) -> tuple[list[Moved], dict[bytes, str]]:
    """Have the machine's files be as they are here at these paths; return what was sent, refused.

    What both sides have afterwards is agreed upon; what somebody changed there in
    this moment is not, and differs still. Blocks; raises what asking raises, and
    TooMuchError, before anything was sent.
    """
    if not steps:
        return [], {}
    refused = _sent_at_once(sides, steps)
    if refused is None:
        refuse_too_much(sides, steps)
        steps, refused = send_parts(sides, steps, told)
    sent = []
    for path, step in steps.items():
        if sides.there.tree.get(path) == step.here:
            sides.agree(step, step.here)
            sent.append(moved(path, step.here))
    return sent, refused


def _sent_at_once(sides: Sides, steps: dict[bytes, Step]) -> dict[bytes, str] | None:
    """Have the machine take what it is taken to lack; None if that is too much, or too little."""
    try:
        chunks = small(sides, steps, ASKED_BYTES)
        if chunks is None:
            return None
        return sides.there.change(sides.there.target(wanted_of(steps)), steps, chunks)
    except LackingError:
        # A file changes here in this moment, and is left for the next time; or something
        # has changed there that nobody told of: it is asked.
        return None


def _needed(sides: Sides, target: Encoded, steps: Mapping[bytes, Step], get: Get) -> Needed | None:
    """Return what the machine lacks, given what it had there; None if it is to be asked."""
    there = sides.there.tree
    lying = _lying(there, steps)
    changed: dict[bytes, tuple[Entry | None, Entry | None]] = {}
    size = 0
    for path, step in steps.items():
        before, after = there.get(path), step.here
        if isinstance(after, FileEntry) and after.content in lying:
            continue  # moved or copied: the machine has all of it
        if isinstance(before, FileEntry) and not _is_known(before.content, get):
            before = None
        if isinstance(after, FileEntry) and before is None:
            size += after.content.size
        changed[path] = before, after
    return new_since(sides.there.encoded, target, changed, get) if size <= ASKED_BYTES else None


def _lying(there: Mapping[bytes, Entry], steps: Mapping[bytes, Step]) -> set[Content]:
    """Return what of the new files lies there already, under another path."""
    new = {
        step.here.content.name
        for path, step in steps.items()
        if isinstance(step.here, FileEntry) and there.get(path) is None
    }
    if not new:
        return set()
    files = (entry.content for entry in there.values() if isinstance(entry, FileEntry))
    return {content for content in files if content.name in new}


def _is_known(content: Content, get: Get) -> bool:
    """Whether it is known here still of what a file was made before."""
    if not content.depth:
        return True
    try:
        names_of_nodes(Listed(content.name, content.depth - 1), get, _MOST_LIST_BYTES)
    except LackingError:
        return False
    return True
