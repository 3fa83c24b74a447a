"""What Tab offers on a `%remote_gpu` or `%%remote_gpu` line: verbs, flags, machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from IPython.core.error import TryNext

from jupyter_remote_gpu.machines import flags

from .verb_table import ACTIONS, BY_NAME

PATTERN = r"%%?(remote_gpu|both)\b"
_OF_MACHINES = ("machine", "one machine", "machine and items")


def offers(before: str, machines: Iterable[str]) -> list[str]:
    """Return what may stand where the cursor is; `before` is the line up to it.

    Empty where only the user knows, as behind `pull`: names are IPython's business.
    """
    command, *words = before.split()
    word = "" if before[-1:].isspace() or not words else words[-1]
    earlier = words[:-1] if word else words
    found = _fitting(command.startswith("%%"), earlier, word, tuple(machines))
    return [one for one in found if one.startswith(word)]


def _fitting(
    is_cell: bool, earlier: Sequence[str], word: str, machines: Sequence[str]
) -> Iterable[str]:
    if earlier[-1:] == ["--machine"]:
        return machines
    if is_cell:
        return [f"--{f.name}" for f in flags.FLAGS if f.group in flags.GROUPS and f.available]
    if not earlier:
        return BY_NAME
    verb = BY_NAME.get(earlier[0])
    if verb is None:
        return ()
    if word.startswith("-"):
        return [f"--{name}" for name in sorted(verb.flags)]
    if len(earlier) == 1 and verb.operands in _OF_MACHINES:
        return machines
    if len(earlier) == 1 and verb.operands == "files put aside":
        return ACTIONS
    return BY_NAME if len(earlier) == 1 and verb.operands == "verb" else ()


class Completion:
    """A custom completer of a shell; does nothing any more after `remove`."""

    def __init__(self, shell: Any, machines: Any) -> None:
        self._machines = machines
        self._removed = False
        if getattr(shell, "Completer", None) is not None:
            shell.set_hook("complete_command", self, re_key=PATTERN)

    def __call__(self, completer: Any, event: Any) -> list[str]:
        """Called by IPython with what was typed; TryNext leaves the answer to others."""
        found = [] if self._removed else offers(event.text_until_cursor, self._machines.known())
        if not found:
            raise TryNext
        return found

    def remove(self) -> None:
        """Offer nothing from now on; IPython has no way to take a completer out."""
        self._removed = True
