"""What stands behind `%remote_gpu data`, parsed: addresses, and flags of its own."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines.flags import Flag

AS, NEWEST, REMOVE = "as", "newest", "remove"
# Of a group that means nothing to cells.
FLAGS = (
    Flag(AS, "add", "what the data are called there", "NAME", available=True),
    Flag(NEWEST, "add", "ask again which version is the newest", available=True),
    Flag(REMOVE, "add", "free the room that these data take", available=True),
)
OWN = frozenset(flag.name for flag in FLAGS)


def taken(words: Sequence[str]) -> tuple[str, str, list[str]]:
    """Return what is to be done (NEWEST, REMOVE or ""), the name given, and the other words.

    Raises RequestError for flags that contradict each other.
    """
    does, called = "", ""
    rest: list[str] = []
    given = iter(words)
    for word in given:
        flag, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or flag not in OWN:
            rest.append(word)
        elif flag == AS:
            called = value if equals else next(given, "")
            if not called:
                raise RequestError("--as needs a name.", hint="Write for example --as news.")
        elif does and does != flag:
            raise RequestError(f"--{does} and --{flag} contradict each other.", hint="Keep one.")
        else:
            does = flag
    return does, called, rest
