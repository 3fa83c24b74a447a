"""Files that are whole at any moment: written beside their place, which they take at the end."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = ".making-"
"""So begin the names of files that are not whole; one may be left by a process that was killed."""


@contextlib.contextmanager
def replaced(path: Path, *, lasting: bool = False) -> Iterator[io.BufferedWriter]:
    """Write a file that takes its place only when the block is left without an error.

    Until then, and for good if anything is raised, what was there stays. It is
    readable by this user alone. Of two who write at once the last one's is there,
    whole. With `lasting` its bytes are on the disk before it takes its place, so that
    a power failure leaves the old file or the new one. The folder must be there.
    Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=PREFIX)
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            if lasting:
                out.flush()
                os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
