"""Which chunks the other side lacks, and what of it is worth sending without asking.

A side that knows what the other agreed to last (`before`) needs no question for
a small change: whatever is new is sent along. For much, names are asked for
first, since the other side may hold chunks of other projects. Pure; no I/O.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from .listing import Get, Listed, names_of_nodes
from .manifest import Content, chunk_names
from .tree import Encoded, Entry, FileEntry

_MAX_LIST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Needed:
    """What describes a change of a tree: nodes, whole, and chunks of files, by size."""

    nodes: Mapping[bytes, bytes]
    chunks: Mapping[bytes, int]

    @property
    def bytes(self) -> int:
        """How much it is altogether."""
        return sum(map(len, self.nodes.values())) + sum(self.chunks.values())


def new_since(
    before: Encoded | None,
    now: Encoded,
    changed: Mapping[bytes, tuple[Entry | None, Entry | None]],
    get: Get,
) -> Needed:
    """Return what one who holds `before` lacks of `now`.

    `changed` has the entries that differ, by path, before and after; `get` gives
    the nodes of the files' lists on this side. Chunks that the files of `changed`
    had before are taken as held there.
    """
    was = before.nodes if before is not None else {}
    nodes = {name: node for name, node in now.nodes.items() if name not in was}
    old = [entry.content for entry, _ in changed.values() if isinstance(entry, FileEntry)]
    new = [entry.content for _, entry in changed.values() if isinstance(entry, FileEntry)]
    held_nodes = _list_nodes(old, get)
    nodes.update(
        (name, get(name)) for name in sorted(_list_nodes(new, get)) if name not in held_nodes
    )
    held = chunk_names(old, get)
    wanted = chunk_names(new, get)
    return Needed(nodes, {name: size for name, size in wanted.items() if name not in held})


def _list_nodes(contents: list[Content], get: Get) -> set[bytes]:
    found: set[bytes] = set()
    for content in contents:
        if content.depth:
            listed = Listed(content.name, content.depth - 1)
            found.update(names_of_nodes(listed, get, _MAX_LIST_BYTES))
    return found


def lacking(wanted: Mapping[bytes, int], held: Container[bytes]) -> dict[bytes, int]:
    """Return the chunks, by size, that are wanted and not held; their order is kept."""
    return {name: size for name, size in wanted.items() if name not in held}
