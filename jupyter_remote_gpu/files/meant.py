"""Which of some files texts mean: as a path, a folder above, a pattern, a word of a command.

Asked where a file that is missed would be a silent mistake, so in doubt a text means
a file. Pure, but for `~`.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST = 100_000
_BETWEEN_WORDS = re.compile(r"[\s'\"`=;|&<>(),]+")
_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class _File:
    """One file: as it was named, where it lies, and what finds its name in a longer text.

    `root` is the project's folder with a slash.
    """

    path: str
    root: str
    place: str
    name: str
    folders: frozenset[str]
    word: re.Pattern[str] | None


def meant(texts: Iterable[str], folder: str, root: str, paths: Iterable[str]) -> list[str]:
    """Return those of `paths`, which lie in the project `root`, that some text means.

    What a text names is looked for from the working folder `folder`. A name with a
    suffix is found wherever it stands as a word, as a program may put a path together.
    """
    files = [_file(root, path) for path in paths]
    found: dict[str, None] = {}
    for text in texts:
        if not files:
            break
        if text and len(text) <= _LONGEST:
            words = {text, *_BETWEEN_WORDS.split(text)} - {"", ".", "..", "/"}
            hits = [one for one in files if _means(text, words, folder, one)]
            found.update((one.path, None) for one in hits)
            files = [one for one in files if one.path not in found]
    return list(found)


def _file(root: str, path: str) -> _File:
    place = posixpath.join(root, path)
    parents = []
    parent = posixpath.dirname(path)
    while parent:
        parents.append(posixpath.join(root, parent))
        parent = posixpath.dirname(parent)
    name = posixpath.basename(path)
    has_suffix = "." in name.strip(".")
    word = re.compile(rf"(?<![\w.-]){re.escape(name)}(?!\w|[.-]\w)") if has_suffix else None
    return _File(path, posixpath.join(root, ""), place, name, frozenset(parents), word)


def _means(text: str, words: Iterable[str], folder: str, one: _File) -> bool:
    if one.word is not None and one.word.search(text):
        return True
    return any(_names(word, folder, one) for word in words)


def _names(word: str, folder: str, one: _File) -> bool:
    place = posixpath.normpath(posixpath.join(folder, os.path.expanduser(word)))
    if not _PATTERN.isdisjoint(word):
        said = word.strip("*?[]!-")  # a pattern of nothing else is no path
        return len(said) > 1 and (
            fnmatch.fnmatchcase(one.place, place)
            or ("/" not in word and fnmatch.fnmatchcase(one.name, word))
        )
    if place == one.place:
        return True
    if place in one.folders:
        # the working folder itself is in everybody's mouth
        return place != folder
    # the beginning of a path that goes on: f"outputs/model_{epoch}.pt"
    begins = place + "/" * word.endswith("/")
    return "/" in word and begins.startswith(one.root) and one.place.startswith(begins)
