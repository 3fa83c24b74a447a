"""Whether an entry of the project travels, and why not: values only."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Why(enum.Enum):
    """The kinds of reasons for leaving something out; the value is said to the user."""

    OWN = "made by jupyter_remote_gpu itself"
    GIT = "the history of a repository"
    IGNORED = "named in an ignore file"
    ENVIRONMENT = "an environment of packages; the machine has one of its own"
    CACHE = "a cache or a file of an editor; it can be made again"
    SECRET = "looks like a secret"
    DATASET = "a dataset; it is placed on the machine by itself"
    LARGE = "large; it is sent when you say so"
    SPECIAL = "no regular file"
    OTHER_VERSION = "the other version of a conflict"
    UNREADABLE = "cannot be read"


ASKS = frozenset({Why.LARGE})
"""What is left out until the user has answered."""
MATTERS = frozenset({Why.SECRET, Why.LARGE, Why.SPECIAL, Why.UNREADABLE})
"""What the user may have expected to travel: worth a line."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that does not travel: the kind of reason, and the rule in words.

    `path` is relative to the project; what lies in a folder that is left out is not listed.
    """

    path: bytes
    why: Why
    rule: str
    is_folder: bool = False

    def __str__(self) -> str:
        return f"{self.why.value} ({self.rule})"
