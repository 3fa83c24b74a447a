"""Memory that arrays live in, as it leaves (`Block`) and as it arrives (`Memory`).

Arrays whose bytes overlap must share one block, or writing to one would no
longer show in the other. Which do is known only after all of them were seen:
`Spans.overlapping()` says so, and the dump is made once more with those.
"""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from typing import Any

_WASTE = 2  # an array spread over more than this many times its bytes is copied instead


class Block:
    """A stretch of live memory on its way out; the pickler sends it out of band, once.

    `memory` has the buffer protocol; `locked` says that it must not be patched.
    No memoryview here: one with consumers cannot be cleared by the garbage collector.
    """

    __slots__ = ("locked", "low", "memory")

    def __init__(self, low: int, memory: Any, *, locked: bool) -> None:
        self.low = low
        self.memory = memory
        self.locked = locked


class Memory:
    """A stretch of memory that arrived: what arrays and tensors are built over.

    Tensors over one block share one torch storage, as they did where they came from.
    """

    __slots__ = ("_storage", "buffer")

    def __init__(self, buffer: Any) -> None:
        view = memoryview(buffer)
        whole: Any = view.obj if isinstance(buffer, memoryview) else buffer
        if view.readonly or len(memoryview(whole)) != len(view):
            whole = bytearray(view)
        self.buffer: Any = whole
        self._storage: Any = None

    def storage(self) -> Any:
        """Return torch's storage over this memory."""
        if self._storage is None:
            import torch

            self._storage = torch.frombuffer(self.buffer, dtype=torch.uint8).untyped_storage()
        return self._storage


class Spans:
    """The address ranges that the arrays of one dump cover, and the blocks made for them."""

    def __init__(self, shared: list[tuple[int, int]] | None = None) -> None:
        self._seen: list[tuple[int, int]] = []
        self._shared = shared or []
        self._starts = [low for low, _ in self._shared]
        self._blocks: dict[int, Block] = {}
        self.kept: list[Any] = []  # owners of the memory behind the views

    def overlapping(self) -> list[tuple[int, int]]:
        """Return the unions of ranges that overlap another one."""
        if self._shared:
            return self._shared
        found: list[tuple[int, int]] = []
        low = high = count = 0
        for start, end in [*sorted(self._seen), (1 << 64, 1 << 64)]:
            if start < high:
                high, count = max(high, end), count + 1
                continue
            if count > 1:
                found.append((low, high))
            low, high, count = start, end, 1
        return found

    def block(
        self, low: int, high: int, nbytes: int, owner: Any, *, writable: bool
    ) -> Block | None:
        """Return the block that holds [low, high), or None if the bytes should be copied.

        `nbytes` is what the array's elements weigh; `owner` keeps the memory alive.
        """
        self._seen.append((low, high))
        at = bisect_right(self._starts, low) - 1
        if at >= 0 and high <= self._shared[at][1]:
            low, high = self._shared[at]
        elif high - low > _WASTE * nbytes:
            return None
        self.kept.append(owner)
        block = self._blocks.get(low)
        if block is None:
            block = self._blocks[low] = Block(low, memory_at(low, high - low), locked=False)
        block.locked = block.locked or not writable
        return block


def memory_at(address: int, length: int) -> Any:
    """Return the bytes at an address as a buffer; the caller keeps their owner alive."""
    return (ctypes.c_char * length).from_address(address)


def array_span(array: Any) -> tuple[int, int]:
    """Return the addresses [low, high) of the bytes that a numpy array covers."""
    low = high = array.__array_interface__["data"][0]
    for size, stride in zip(array.shape, array.strides, strict=True):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high + array.itemsize
