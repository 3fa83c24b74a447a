"""Rebuilding what a side that is trusted sent: pickles, never with code in them on the way home."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jupyter_remote_gpu.protocol.state import Parcel

from .namespace import Rebinding
from .pickling import decode
from .rebuilding import Overlays, Rebuild, define

if TYPE_CHECKING:
    from .half import Half


def _values(
    half: Half, parcel: Parcel, buffers: Sequence[Any], bound: Rebinding
) -> tuple[dict[str, Any], Overlays]:
    """Rebuild what a side that is trusted sent."""
    values: dict[str, Any] = {}

    def begin(early: dict[str, Any]) -> None:
        for name, value in early.items():
            bound.bind(name, value)
        values.update(define(half, parcel, bound))

    plain, overlays, _ = decode(memoryview(buffers[0]), buffers[1:], half.side, begin)
    for name, value in plain.items():
        bound.bind(name, value)
    values.update(plain)
    owners = {d.serial: half.cells.object(d.serial) for d in parcel.definitions}
    owners.update(values)
    return values, [(owners[n], data) for n, data in overlays.items() if n in owners]


FROM_PICKLE = Rebuild(define, _values)
"""The way of a side that trusts the other."""
