"""Sending much: chunks in one stream, and files that are put into their places as it goes.

New files are placed in parts, each as soon as its chunks have arrived, while the
next ones are on their way. All else (what is edited, moved, deleted) is one
change at the end. What is cut off in between is whole, and found there by the
next round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from jupyter_remote_gpu.chunks.listing import Get, Listed, names_of_nodes
from jupyter_remote_gpu.chunks.manifest import chunk_names
from jupyter_remote_gpu.chunks.tree import FileEntry, FolderEntry
from jupyter_remote_gpu.files.plan import Step
from jupyter_remote_gpu.protocol.steps import Told

from .sync_sides import Sides, wanted_of

PART_BYTES = 8 << 20
"""So much of new files is put into its place at once; the agent holds a little more in memory."""
_MOST_LIST_BYTES = 1 << 30
_Steps = dict[bytes, Step]


@dataclass(slots=True)
class _Part:
    """Files that are placed together, and how much has arrived when their chunks have."""

    steps: _Steps = field(default_factory=dict)
    lists: dict[bytes, bytes] = field(default_factory=dict)
    ends: int = 0


def send_parts(sides: Sides, steps: _Steps, told: Told) -> tuple[_Steps, dict[bytes, str]]:
    """Have the machine's files be as they are here at these paths; return what was sent, refused.

    Leaves out files that change in this moment. Blocks; raises what asking raises.
    """
    made_of = _made_of(sides, steps)
    sizes = {name: size for names in made_of.values() for name, size in names.items()}
    lacking = sides.there.lacking(list(sizes))
    wanted = {name: size for name, size in sizes.items() if name in lacking}
    parts, rest = _parts(sides, steps, made_of, wanted)
    refused: dict[bytes, str] = {}
    sent: _Steps = {}
    with ThreadPoolExecutor(1, "files") as placing:
        running: list[Future[dict[bytes, str]]] = []

        def passed(done: int, gone: set[bytes]) -> None:
            while parts and parts[0].ends <= done:
                part = parts.pop(0)
                left = _without(part.steps, made_of, gone)
                sent.update(left)
                running.append(placing.submit(_place, sides, left, part.lists))
            while running and running[0].done():
                refused.update(running.pop(0).result())

        gone = sides.there.put(wanted, sides.here.held.get, told, passed)
        passed(sum(wanted.values()), gone)
        for one in running:
            refused.update(one.result())
    rest = _without(rest, made_of, gone)
    if rest:
        refused.update(_place(sides, rest, _lists(rest, sides.here.held.get)))
    return {**sent, **rest}, refused


def _place(sides: Sides, steps: _Steps, lists: Mapping[bytes, bytes]) -> dict[bytes, str]:
    """Have the machine make a change whose chunks it has; return what it refused."""
    there = sides.there
    target = there.target(wanted_of(steps))
    known = there.encoded.nodes
    nodes = {name: node for name, node in target.nodes.items() if name not in known}
    return there.change(target, steps, {**nodes, **lists})


def _made_of(sides: Sides, steps: _Steps) -> dict[bytes, dict[bytes, int]]:
    """Return the chunks of each file among steps, by path, in the order of paths."""
    held: Get = sides.here.held.get
    return {
        path: chunk_names([step.here.content], held)
        for path, step in sorted(steps.items())
        if isinstance(step.here, FileEntry)
    }


def _parts(
    sides: Sides,
    steps: _Steps,
    made_of: Mapping[bytes, Mapping[bytes, int]],
    wanted: Mapping[bytes, int],
) -> tuple[list[_Part], _Steps]:
    """Return what is placed in parts, in the order of its chunks, and what is left for the end."""
    held, there = sides.here.held.get, sides.there.tree
    rest = dict(steps)
    parts: list[_Part] = []
    if sum(wanted.values()) <= 2 * PART_BYTES:
        return parts, rest
    counted: set[bytes] = set()
    part, arrived, size = _Part(), 0, 0
    for path, names in made_of.items():
        more = sum(wanted[name] for name in names if name in wanted and name not in counted)
        counted.update(names)
        arrived += more
        if not more or path in there or not _has_room(path, steps, sides):
            continue
        part.steps[path] = rest.pop(path)
        for folder in _folders_of(path, rest):
            part.steps[folder] = rest.pop(folder)
        part.ends = arrived
        size += more
        if size >= PART_BYTES:
            parts.append(part)
            part, size = _Part(), 0
    if part.steps:
        parts.append(part)
    for one in parts:
        one.lists.update(_lists(one.steps, held))
    return parts, rest


def _has_room(path: bytes, steps: _Steps, sides: Sides) -> bool:
    """Whether a file's folders are there, or come; none of them has to go first."""
    there = sides.there.tree
    return all(
        isinstance(there[folder] if folder in there else steps[folder].here, FolderEntry)
        if folder in there or folder in steps
        else False
        for folder in _above(path)
    )


def _folders_of(path: bytes, steps: _Steps) -> list[bytes]:
    """Return the folders a path lies in that come with these steps."""
    return [folder for folder in _above(path) if folder in steps]


def _above(path: bytes) -> Sequence[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:count]) for count in range(1, len(parts))]


def _without(
    steps: _Steps, made_of: Mapping[bytes, Mapping[bytes, int]], gone: set[bytes]
) -> _Steps:
    """Return the steps without the files of which a chunk is gone: they have just changed."""
    if not gone:
        return steps
    return {path: step for path, step in steps.items() if gone.isdisjoint(made_of.get(path, ()))}


def _lists(steps: _Steps, held: Get) -> dict[bytes, bytes]:
    """Return the nodes of the files' lists of chunks."""
    found: dict[bytes, bytes] = {}
    for step in steps.values():
        if isinstance(step.here, FileEntry) and step.here.content.depth:
            listed = Listed(step.here.content.name, step.here.content.depth - 1)
            names = names_of_nodes(listed, held, _MOST_LIST_BYTES)
            found.update((name, held(name)) for name in names)
    return found
