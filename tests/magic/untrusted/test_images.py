"""Pictures are what they say, and of bearable size."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from jupyter_remote_gpu.magic.untrusted.images import is_picture


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 40, 30) + b"\x01"
GIF = b"GIF89a" + struct.pack("<HH", 3, 4) + b"\x00"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x09\x00\x00"


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("kind", "data"),
    [("png", png(3, 4)), ("jpeg", JPEG), ("gif", GIF), ("webp", WEBP)],
)
def test_a_picture_passes(kind: str, data: bytes) -> None:
    assert is_picture(f"image/{kind}", text(data))
    assert is_picture(f"image/{kind}", text(data) + "\n")


def test_matplotlibs_pictures_pass() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    import io

    for kind in ("png", "jpeg"):
        out = io.BytesIO()
        figure = pyplot.figure()
        figure.savefig(out, format=kind)
        pyplot.close(figure)
        assert is_picture(f"image/{kind}", text(out.getvalue()))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("image/png", text(b"<svg onload=1>")),
        ("image/png", text(GIF)),
        ("image/png", '"><script>1</script>'),
        ("image/png", "not base64!"),
        ("image/png", 5),
        ("image/png", None),
        ("image/png", text(b"\x89PNG\r\n\x1a\n")),
        ("image/png", text(png(100_000, 100_000))),
        ("image/png", text(png(0, 5))),
        ("image/jpeg", text(b"\xff\xd8\xff\xe0\x00\x00" * 10)),
        ("image/jpeg", text(b"\xff\xd8\xff" + b"\xff" * 1000)),
        ("image/webp", text(b"RIFF\x00\x00\x00\x00AVI " + b"\x00" * 40)),
        ("image/tiff", text(png(3, 4))),
        ("image/png", "A" * (65 << 20)),
    ],
)
def test_what_is_no_picture_or_too_large_does_not(kind: str, value: object) -> None:
    assert not is_picture(kind, value)
