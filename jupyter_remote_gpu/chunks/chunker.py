"""Where a buffer is cut into chunks: a fixed size that depends on its length alone."""

from __future__ import annotations

from jupyter_remote_gpu.protocol.state import Manifest

SMALL_CHUNK_BYTES = 256 * 1024
LARGE_CHUNK_BYTES = 1024 * 1024
_LARGE_BUFFER_BYTES = 64 * 1024 * 1024


def chunk_bytes(length: int) -> int:
    """Return the chunk size for a buffer of `length` bytes; both sides compute the same."""
    return SMALL_CHUNK_BYTES if length <= _LARGE_BUFFER_BYTES else LARGE_CHUNK_BYTES


def cut(view: memoryview) -> list[memoryview]:
    """Cut a flat buffer of bytes into its chunks, without copying."""
    step = chunk_bytes(len(view))
    return [view[start : start + step] for start in range(0, len(view), step)]


def pieces(view: memoryview, manifest: Manifest) -> list[tuple[bytes, memoryview]]:
    """Return (name, bytes) of every chunk of a buffer described by `manifest`, without copying."""
    step = manifest.chunk_bytes
    return [(name, view[i * step : (i + 1) * step]) for i, name in enumerate(manifest.names)]
