"""What `doctor` says of one thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is, how it is, what was found, what to do about it."""

    what: str
    state: State
    text: str
    advice: str = ""
