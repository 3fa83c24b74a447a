"""Times that a machine tells, in the time of this computer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

UNCERTAIN_SECONDS = 1.0
"""Less than this is the greeting's own duration as likely as a clock that is wrong."""
_TIMES = ("started", "ended")


def in_our_time(records: Iterable[dict[str, Any]], ahead: float) -> list[dict[str, Any]]:
    """Return records of runs or kernels with their times set back by what the clock is ahead."""
    if abs(ahead) < UNCERTAIN_SECONDS:
        return list(records)
    return [
        {
            **record,
            **{name: record[name] - ahead for name in _TIMES if record.get(name) is not None},
        }
        for record in records
    ]
