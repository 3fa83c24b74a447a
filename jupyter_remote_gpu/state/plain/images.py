"""PIL images as their mode, size and raw pixels: no image file is parsed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .limits import must, refuse
from .parts import Adapter, Arriving, Parts, exactly, parts_of, text, whole

_BITS = {"1": 1, "L": 8, "P": 8, "RGB": 24, "RGBA": 32, "CMYK": 32, "YCbCr": 24, "LAB": 24}
_BITS |= {"HSV": 24, "I": 32, "F": 32, "LA": 16, "I;16": 16}
_MAX_SIDE = 1 << 20


def takers() -> dict[type, Callable[[Any], Parts]]:
    """Return how an image is taken apart, and those that were opened from a file."""
    module: Any = sys.modules.get("PIL.Image")
    if module is None or not hasattr(module, "Image"):
        return {}
    return {module.Image: _take_image}


def _take_image(image: Any) -> Parts:
    if image.mode not in _BITS:
        refuse(f"an image of the mode {image.mode} is not plain data")
    palette = image.getpalette("RGBA") if image.mode == "P" else None
    colours = None if palette is None else bytes(palette)
    info = {k: v for k, v in image.info.items() if type(v) in (str, int, float, bytes, tuple)}
    return Parts("image", (image.mode, *image.size, image.tobytes(), colours), (info,))


def _make_image(at: Arriving, parts: list[Any]) -> Any:
    from PIL import Image

    mode, width, height, pixels, colours = parts_of(parts, 5)
    must(text(mode, 10) in _BITS, "an image has a known mode")
    size = whole(width, 0, _MAX_SIDE), whole(height, 0, _MAX_SIDE)
    exactly(pixels, bytes, "an image is made of bytes")
    row = -(-size[0] * _BITS[mode] // 8)
    must(len(pixels) == row * size[1], "an image has as many pixels as its size")
    at.spend(4 * size[0] * size[1])
    image = Image.frombytes(mode, size, pixels) if len(pixels) else Image.new(mode, size)
    if colours is not None:
        exactly(colours, bytes, "a palette is made of bytes")
        must(mode == "P" and len(colours) <= 1024, "a palette is that of an image with one")
        image.putpalette(colours, "RGBA")
    return image


def _fill_image(at: Arriving, image: Any, parts: list[Any]) -> None:
    (info,) = parts_of(parts, 1)
    must(type(info) is dict, "what is said of an image is a dictionary")
    image.info.update(info)


ADAPTERS = {"image": Adapter(_make_image, _fill_image)}
