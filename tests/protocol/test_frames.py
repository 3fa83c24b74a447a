"""The envelope: what goes in comes out, damage is seen, limits hold."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.errors import DamagedError, ProtocolError
from jupyter_remote_gpu.protocol import frames


def _joined(head: bytes, *payload: bytes, number: int = 0, flags: int = 0) -> bytes:
    return b"".join(frames.encode(head, payload, number=number, flags=flags))


def test_a_frame_comes_back_as_it_was() -> None:
    data = _joined(b'{"t":1}', b"abc", b"de", number=7)
    ((frame, end),) = frames.split(data)
    assert (frame.number, frame.head, bytes(frame.payload), end) == (
        7,
        b'{"t":1}',
        b"abcde",
        len(data),
    )


def test_golden_bytes_of_version_1() -> None:
    # A second implementation, or a later version of this one, must write the same.
    data = _joined(b'{"t":"ping","request":1}', number=3)
    assert data[:32].hex() == (
        "180000000000000000000000000000000300000000000000" + data[24:32].hex()
    )
    assert len(data) == 32 + 24


def test_an_unfinished_frame_is_waited_for() -> None:
    data = _joined(b"{}", b"x" * 100)
    for cut in (0, 5, 31, 33, len(data) - 1):
        assert list(frames.split(data[:cut])) == []


@pytest.mark.parametrize("at", [33, 40, 60])
def test_a_damaged_frame_is_refused(at: int) -> None:
    data = bytearray(_joined(b'{"t":"something"}', b"x" * 100))
    data[at] ^= 1
    with pytest.raises(DamagedError):
        list(frames.split(data))


def test_a_chunks_payload_is_left_to_its_name() -> None:
    data = bytearray(_joined(b"{}", b"x" * 10, flags=frames.FLAG_PAYLOAD_UNCHECKED))
    data[-1] ^= 1
    ((frame, _),) = frames.split(data)
    assert bytes(frame.payload) != b"x" * 10


def test_monstrous_lengths_are_refused_before_anything_is_allocated() -> None:
    header = frames.HEADER.pack(1 << 31, 0, 1 << 60, 0, 0)
    with pytest.raises(ProtocolError, match="announces"):
        frames.parse_header(header)
