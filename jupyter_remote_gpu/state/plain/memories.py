"""The buffers that arrays and tensors live in: which of the wire's they are, at either end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_remote_gpu.state.codecs.arrays import reduce_array
from jupyter_remote_gpu.state.codecs.memory import Block, Memory, Spans
from jupyter_remote_gpu.state.codecs.tensors import reduce_tensor

from .limits import must
from .parts import Adapter, Arriving, parts_of, whole

Reductions = dict[int, tuple[Any, Any]]
"""id of an array or tensor -> (it, how the pickler took it apart)."""


class Departing:
    """The buffers of one component on their way out.

    Those of its pickle come first, so that both ends number them as they do
    for pickles and patches; what only the plain form needs is added behind.
    """

    def __init__(
        self,
        buffers: Sequence[memoryview],
        reductions: Reductions,
        blocks: dict[int, int],
    ) -> None:
        self.buffers = list(buffers)
        self.kept: list[Any] = []
        self._reductions = reductions
        self._blocks = dict(blocks)
        self._spans = Spans()

    def array(self, array: Any) -> tuple[Any, ...] | None:
        """Return how an array is taken apart; None if it holds objects."""
        known = self._reductions.get(id(array))
        return known[1] if known is not None else reduce_array(array, self._spans)

    def tensor(self, tensor: Any) -> tuple[Any, ...] | None:
        """Return how a tensor is taken apart; None where torch's own way is needed."""
        known = self._reductions.get(id(tensor))
        return known[1] if known is not None else reduce_tensor(tensor, self._spans)

    def number(self, block: Block) -> int:
        """Return which buffer of the wire a block is."""
        found = self._blocks.get(id(block))
        if found is None:
            found = self._blocks[id(block)] = len(self.buffers)
            view = memoryview(block.memory).cast("B")
            self.buffers.append(view.toreadonly() if block.locked else view)
            self.kept += [block, self._spans.kept]
        return found


def _make_memory(at: Arriving, parts: list[Any]) -> Memory:
    number = whole(parts_of(parts, 1)[0], 0, 1 << 31)
    must(number < len(at.buffers), "memory is one of the buffers that arrived")
    found = at.memories.get(number)
    if found is None:
        found = at.memories[number] = Memory(at.buffers[number])
    return found


def _fill_bytes(at: Arriving, value: Any, parts: list[Any]) -> None:
    (content,) = parts_of(parts, 1)
    must(type(content) is bytes, "a byte array is made of bytes")
    value.extend(content)


ADAPTERS = {
    "memory": Adapter(_make_memory),
    "bytes": Adapter(lambda at, parts: bytearray(), _fill_bytes),
}
