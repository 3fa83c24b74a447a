"""Files that a cloud service has taken off this disk: they have a name here, and no bytes.

Reading one brings it back, all of it, however slow the line; and the service that
puts another file in its place makes it look deleted. Neither is what a sync is
for: such a file stays as it was last known, and is named. Pure; no I/O.
"""

from __future__ import annotations

import os

_DATALESS = 0x40000000
"""macOS: `SF_DATALESS` in `st_flags`."""
_ELSEWHERE = 0x00400000 | 0x00040000 | 0x00001000
"""Windows: recall on data access, recall on open, offline, in `st_file_attributes`."""
_START, _END = b".", b".icloud"
REASON = "it is only in the cloud: open it once, and it travels"


def is_placeholder(status: os.stat_result) -> bool:
    """Whether the bytes of a file would have to be fetched first."""
    flags = getattr(status, "st_flags", 0)
    attributes = getattr(status, "st_file_attributes", 0)
    return bool(flags & _DATALESS or attributes & _ELSEWHERE)


def stands_for(name: bytes) -> bytes | None:
    """Return the file that an older macOS has replaced by this one; None if it is no such name."""
    if name.startswith(_START) and name.endswith(_END) and len(name) > len(_START + _END):
        return name[len(_START) : -len(_END)]
    return None
