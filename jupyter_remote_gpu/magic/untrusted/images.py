"""Pictures: what they say they are, and small enough to be shown."""

from __future__ import annotations

import base64
import binascii
import struct

MAX_BYTES = 48 << 20
MAX_PIXELS = 200_000_000
"""A picture of a few bytes may unpack to gigabytes in the page."""

_START = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
KINDS = frozenset(_START)
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def is_picture(kind: str, text: object) -> bool:
    """Whether a base64 text is a picture of the mime type `kind` within the limits."""
    if not isinstance(text, str) or len(text) > MAX_BYTES * 4 // 3:
        return False
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return is_picture_data(kind, data)


def is_picture_data(kind: str, data: bytes) -> bool:
    """Whether bytes are a picture of the mime type `kind` within the limits."""
    if kind not in _START or len(data) > MAX_BYTES or not data.startswith(_START[kind]):
        return False
    try:
        width, height = _size(kind, data)
    except (struct.error, IndexError, ValueError):
        return False
    return 0 < width * height <= MAX_PIXELS


def _size(kind: str, data: bytes) -> tuple[int, int]:
    """Return width and height as the head of the picture says; ValueError if it does not."""
    if kind == "image/png":
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if kind == "image/gif":
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    return _jpeg_size(data) if kind == "image/jpeg" else _webp_size(data)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise ValueError("no marker where one must be")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    raise ValueError("no size")


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if data[8:12] != b"WEBP":
        raise ValueError("another kind of RIFF")
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        return width, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("no size")
