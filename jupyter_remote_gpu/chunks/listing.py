"""Long lists as trees of small nodes, so that two of them differ in few nodes.

A list of records (the chunks of a file, the entries of a folder) is cut into
nodes where a record's key says so, and the names of the nodes are a list again,
until one node is left: its name stands for the whole list. Lists that share
most of their records share most of their nodes, wherever they differ. A node is
a chunk like any other: named by BLAKE3, kept in a store, sent in a pack.

Node, bytes: depth (0: records, above: names of nodes one depth lower), content.
Pure; no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jupyter_remote_gpu.errors import ProtocolError

from .fingerprint import name_of

NAME_BYTES = 32
MAX_DEPTH = 6
"""Six levels of 64 hold more than anybody's disk."""
_MEAN_MASK = 63
_MOST_RECORDS = 512

Get = Callable[[bytes], bytes]
"""Gives the bytes of a chunk, verified to be what its name says; LackingError if it cannot."""


Ends = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Listed:
    """A whole list by the name of its root node, which lies `depth` levels above the records."""

    name: bytes
    depth: int


def build(
    records: Sequence[bytes], ends: Callable[[int], int]
) -> tuple[Listed, dict[bytes, bytes]]:
    """Return the list's root and all its nodes by name.

    `ends(i)` is a number drawn from the key of record i; a node ends after a
    record whose number has six zero bits. It must not depend on what lies
    around the record, or lists that differ in one place would differ in many.
    """
    nodes: dict[bytes, bytes] = {}
    level = _nodes(records, ends, 0, nodes)
    depth = 0
    while len(level) > 1:
        depth += 1
        level = _nodes(level, _ends_of_names(level), depth, nodes)
    return Listed(level[0], depth), nodes


def _ends_of_names(names: Sequence[bytes]) -> Ends:
    return lambda i: names[i][0]


def _nodes(
    records: Sequence[bytes], ends: Ends, depth: int, nodes: dict[bytes, bytes]
) -> list[bytes]:
    head = bytes([depth])
    names: list[bytes] = []
    start = 0
    for i in range(len(records)):
        if i + 1 - start >= _MOST_RECORDS or (ends(i) & _MEAN_MASK == 0 and i > start):
            _add(head, records[start : i + 1], names, nodes)
            start = i + 1
    if start < len(records) or not names:
        _add(head, records[start:], names, nodes)
    return names


def _add(
    head: bytes, records: Sequence[bytes], names: list[bytes], nodes: dict[bytes, bytes]
) -> None:
    node = head + b"".join(records)
    name = name_of(node)
    nodes[name] = node
    names.append(name)


def leaves(listed: Listed, get: Get, most_bytes: int) -> Iterator[bytes]:
    """Yield the records of each lowest node, joined, in order; the caller takes them apart.

    Raises ProtocolError for a node that is none, or when there is more than
    `most_bytes` of all nodes together: a list from outside can name one node
    any number of times.
    """
    left = most_bytes
    for node in _walk(listed, get):
        left -= len(node)
        if left < 0:
            raise ProtocolError(f"a list of chunks is longer than {most_bytes} bytes")
        if node[0] == 0:
            yield node[1:]


def names_of_nodes(listed: Listed, get: Get, most_bytes: int) -> list[bytes]:
    """Return the names of all nodes of a list, the root first; raises as `leaves` does."""
    found = [listed.name]
    left = most_bytes
    for node in _walk(listed, get):
        left -= len(node)
        if left < 0:
            raise ProtocolError(f"a list of chunks is longer than {most_bytes} bytes")
        if node[0] > 0:
            found += _names_in(node)
    return found


def _walk(listed: Listed, get: Get) -> Iterator[bytes]:
    if not 0 <= listed.depth <= MAX_DEPTH or len(listed.name) != NAME_BYTES:
        raise ProtocolError(f"a list of chunks of depth {listed.depth} is none of ours")
    waiting = [(listed.name, listed.depth)]
    while waiting:
        name, depth = waiting.pop()
        node = get(name)
        if len(node) == 0 or node[0] != depth:
            raise ProtocolError("a node of a list of chunks lies at another depth than it says")
        if depth > 0:
            below = _names_in(node)
            waiting += [(lower, depth - 1) for lower in reversed(below)]
        yield node


def _names_in(node: bytes) -> list[bytes]:
    if len(node) == 1 or (len(node) - 1) % NAME_BYTES:
        raise ProtocolError("a node of a list of chunks does not hold whole names")
    return [node[i : i + NAME_BYTES] for i in range(1, len(node), NAME_BYTES)]
