"""Where files are cut: by their content, so that an insertion moves one chunk or two.

The cuts are those of FastCDC (its 2020 version) through `pyfastcdc`, which has
wheels for Linux, macOS and Windows. A manifest lists the length of every chunk,
so whoever reads one needs no chunker and cares for no parameter of this file:
other cuts only find less that is already there.
"""

from __future__ import annotations

import functools
from typing import Any

from jupyter_remote_gpu.protocol.frames import Buffer

MEAN_BYTES = 64 * 1024
SMALLEST_BYTES = 16 * 1024
LARGEST_BYTES = 256 * 1024


def cut_content(view: Buffer, *, whole: bool = True) -> list[int]:
    """Return the lengths of the chunks of `view`, in order.

    They add up to its length if `whole`. If it is only the front of something
    longer, they stop before the first cut that could lie elsewhere once more
    of it is known: the rest is to be given again with what follows it.
    """
    length = view.nbytes if isinstance(view, memoryview) else len(view)
    if length == 0:
        return []
    if length <= SMALLEST_BYTES:
        return [length] if whole else []
    lengths = [chunk.length for chunk in _chunker().cut_buf(view)]
    if not whole:
        # Every cut but the last was found by looking at bytes in front of it alone.
        lengths.pop()
    return lengths


@functools.lru_cache(maxsize=1)
def _chunker() -> Any:
    # Not at load: a user's kernel imports this room and cuts no files.
    from pyfastcdc import FastCDC

    return FastCDC(
        MEAN_BYTES, min_size=SMALLEST_BYTES, max_size=LARGEST_BYTES, normalized_chunking=2
    )
