"""What of some parcels really has to move: for the line, the size guard and the progress bar."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from jupyter_remote_gpu.chunks.chunker import chunk_bytes
from jupyter_remote_gpu.protocol.state import Parcel


@dataclass(frozen=True, slots=True)
class Load:
    """One component on its way: `bytes` that move, `chunks` of them out of `of` it is made of.

    The chunks are those of its arrays; what its other parts weigh is in `bytes`
    alone. `patched` says that it is changed in place where it arrives, `detached`
    that tensors in it arrive without the graph they were computed by.
    """

    names: tuple[str, ...]
    bytes: int
    chunks: int
    of: int
    patched: bool
    detached: bool = False

    @property
    def name(self) -> str:
        """Return what messages call the component: "model+opt"."""
        return component_name(self.names)


def component_name(names: Iterable[str]) -> str:
    """Return what messages call the component of some names: "model+opt".

    Names like `_`, which IPython binds to a cell's result, are left out where
    the user has given it a name too.
    """
    every = tuple(names)
    return "+".join([name for name in every if not name.startswith("_")] or every)


def load(parcel: Parcel, moving: Collection[bytes], lengths: Iterable[int]) -> Load:
    """Return what of a parcel moves; `lengths` are those of all buffers of its value, in bytes.

    `moving` names the chunks that have to come, those inside the message included.
    """
    size, count = 0, 0
    seen: set[bytes] = set()
    heads = 0 if parcel.kind == "patch" else 1
    for position, manifest in enumerate(parcel.manifests):
        for index, name in enumerate(manifest.names):
            if name in moving and name not in seen:
                seen.add(name)
                size += manifest.size(index)
                count += position >= heads
    of = sum(-(-length // chunk_bytes(length)) for length in lengths if length)
    return Load(parcel.names, size, count, of, parcel.kind == "patch", parcel.detached)
