"""Numbers, texts, bytes and containers of them, as bytes: plain data without any adapter."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.state.cells import Cells

from .decoder import decode_with
from .encoder import encode
from .memories import Departing
from .parts import Surroundings


def to_bytes(value: Any) -> bytes:
    """Return a value as bytes; raises `CannotTravelError` for what is not plain."""
    return encode(value, _nowhere(), Departing([], {}, {}))


def from_bytes(head: bytes | memoryview) -> Any:
    """Return the value again; raises `NotPlainError` if anything but simple values is in it."""
    return decode_with({}, head, (), _nowhere()).value


def _nowhere() -> Surroundings:
    """Return surroundings in which nothing is known."""
    return Surroundings({}, Cells(), lambda name: None, folder="")
