"""The flags of the verbs of files, taken out of a line before the grammar of requests reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jupyter_remote_gpu.errors import RequestError

from .verb_table import FILE_FLAGS, Verb


@dataclass(frozen=True, slots=True)
class FilesAsked:
    """What a line says about files: do nothing, leave nothing out, show differences, let these
    large ones travel.
    """

    dry_run: bool = False
    everything: bool = False
    diff: bool = False
    allow: tuple[str, ...] = ()


def taken(verb: Verb, words: Sequence[str]) -> tuple[FilesAsked, list[str]]:
    """Return what the flags about files say, and the other words.

    Raises RequestError for a flag without its value, with one it does not take, or
    that says nothing to the verb.
    """
    asked, rest = FilesAsked(), list[str]()
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return asked, [*rest, word, *queue]
        name, equals, value = word[2:].partition("=")
        name = name.lower().replace("_", "-")
        if not word.startswith("--") or name not in FILE_FLAGS:
            rest.append(word)
        elif name not in verb.flags:
            known = ", ".join(f"--{flag}" for flag in sorted(verb.flags)) or "no flags"
            raise RequestError(
                f"{word} says nothing to %remote_gpu {verb.name}.", hint=f"It takes {known}."
            )
        elif FILE_FLAGS[name].value is None:
            if equals:
                raise RequestError(f"--{name} takes no value, but was given '{value}'.")
            asked = _with(asked, name)
        else:
            if not equals and queue and not queue[0].startswith("--"):
                value = queue.pop(0)
            if not value:
                usage = FILE_FLAGS[name].usage
                raise RequestError(f"--{name} needs a value and has none.", hint=f"Write {usage}.")
            asked = replace(asked, allow=(*asked.allow, value))
    return asked, rest


def _with(asked: FilesAsked, name: str) -> FilesAsked:
    if name == "dry-run":
        return replace(asked, dry_run=True)
    if name == "diff":
        return replace(asked, diff=True)
    return replace(asked, everything=True)
