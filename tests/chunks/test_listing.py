"""Long lists as trees of nodes: whole again, alike where they are alike, bounded from outside."""

from __future__ import annotations

import random

import pytest

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.listing import Listed, build, leaves, names_of_nodes
from jupyter_remote_gpu.errors import ProtocolError


def _records(count: int) -> list[bytes]:
    rnd = random.Random(count)
    return [rnd.randbytes(8) for _ in range(count)]


def _built(records: list[bytes]) -> tuple[Listed, dict[bytes, bytes]]:
    return build(records, lambda i: records[i][0])


@pytest.mark.parametrize("count", [0, 1, 2, 63, 1000, 20_000])
def test_a_list_is_whole_again(count: int) -> None:
    records = _records(count)
    listed, nodes = _built(records)
    assert b"".join(leaves(listed, nodes.__getitem__, 1 << 30)) == b"".join(records)
    assert sorted(names_of_nodes(listed, nodes.__getitem__, 1 << 30)) == sorted(nodes)


def test_records_without_any_end_among_them_are_cut_all_the_same() -> None:
    records = [b"\x01" + i.to_bytes(4, "little") for i in range(5000)]
    listed, nodes = _built(records)
    assert max(map(len, nodes.values())) < 20_000
    assert b"".join(leaves(listed, nodes.__getitem__, 1 << 30)) == b"".join(records)


@pytest.mark.parametrize("at", [0, 7_000, 19_999])
def test_lists_that_differ_in_one_record_differ_in_few_nodes(at: int) -> None:
    records = _records(20_000)
    _, before = _built(records)
    _, changed = _built([*records[:at], b"\x01changed", *records[at + 1 :]])
    _, inserted = _built([*records[:at], b"\x01changed", *records[at:]])
    assert len(changed.keys() - before.keys()) <= 8
    assert len(inserted.keys() - before.keys()) <= 8


def test_equal_lists_have_equal_names() -> None:
    assert _built(_records(3000))[0] == _built(_records(3000))[0]


def test_a_bomb_ends_at_its_limit() -> None:
    """A few nodes that name each other many times stand for a list without end."""
    nodes: dict[bytes, bytes] = {}
    node = b"\0" + bytes(1000)
    for depth in range(1, 7):
        nodes[name_of(node)] = node
        node = bytes([depth]) + name_of(node) * 500
    nodes[name_of(node)] = node
    listed = Listed(name_of(node), 6)
    with pytest.raises(ProtocolError, match="longer than"):
        for _ in leaves(listed, nodes.__getitem__, 1 << 20):
            pass


@pytest.mark.parametrize("node", [b"", b"\x01", b"\x01half a name", b"\x02" + bytes(32)])
def test_a_node_that_is_none_is_refused(node: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(leaves(Listed(name_of(node), 1), lambda _: node, 1 << 20))


def test_a_depth_that_is_none_is_refused() -> None:
    with pytest.raises(ProtocolError):
        list(leaves(Listed(bytes(32), 200), lambda _: b"", 1 << 20))
