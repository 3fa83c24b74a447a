"""What one notebook needs of packages: what its project declares, imports and was given."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from .addresses import holds_credentials, without_credentials
from .declared import Declaration, declaration
from .index_settings import settings_files
from .installed import used, versions

_VALUED = frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links"})
_ELSEWHERE = frozenset({"-r", "--requirement", "-c", "--constraint", "-e", "--editable"})


@dataclass(frozen=True, slots=True)
class Needs:
    """What a notebook needs, before any machine is known.

    `declared` is what the project's file says, None without one. `imported` are
    the distributions that cells import and that are installed here, each with how it
    is asked for (a name, or `name @ address`). `here` has the versions of all
    that is installed here: another machine gets these where it can. `extras` are
    requirements of recorded `%pip install` lines of this notebook. `left_out` are
    sentences on what cannot be had on another machine. `folder` is the notebook's,
    from which settings of indexes are found. `key` is equal for needs with the same lock.
    """

    folder: Path
    declared: Declaration | None = None
    imported: Mapping[str, str] = field(default_factory=dict)
    here: Mapping[str, str] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    key: str = ""


def needs(
    folder: Path,
    sources: Iterable[str],
    extras: Sequence[str] = (),
    carried: Path | None = None,
) -> Needs:
    """Return what the notebook in `folder` with these cells needs; may take 0.2 s at first.

    Cells are plain Python, magics transformed. `extras` are requirements or the
    arguments of `pip install`, a line each; modules of the user's own below `carried`
    are there anyway and need no word. Asked again with one cell more it costs a
    millisecond or two; `imported(cell)` says in microseconds whether asking can bring
    anything new. Raises `RequestError` for a file of the project that cannot be read.
    """
    declared = declaration(folder.resolve())
    found, own = used(sources)
    lines, dropped = _extras(extras)
    words = [*(declared.left_out if declared else ()), *dropped, *_own_words(own, carried)]
    here = versions()
    asked = {name: one.wanted for name, one in found.items()}
    digest = blake3(
        json.dumps([sorted(asked.items()), sorted(here.items()), lines, words]).encode()
    )
    for path in (*(declared.read if declared else ()), *settings_files(folder.resolve())):
        digest.update(f"\0{path}\0".encode() + path.read_bytes())
    return Needs(
        folder=folder.resolve(),
        declared=declared,
        imported=asked,
        here=here,
        extras=tuple(lines),
        left_out=tuple(words),
        key=digest.hexdigest(),
    )


def _own_words(own: Mapping[str, str], carried: Path | None) -> list[str]:
    return [
        f"`{module}` is code of yours ({place}), not a package of an index: nothing is installed"
        " for it on the machine"
        for module, place in sorted(own.items())
        if module not in {"jupyter_remote_gpu", "__main__"}
        and not _is_carried(Path(place), carried)
    ]


def _is_carried(place: Path, carried: Path | None) -> bool:
    """Whether a module is found there as it is here; an installed project's folder is not."""
    return carried is not None and place.is_file() and place.is_relative_to(carried)


def _extras(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the requirements of recorded `pip install` lines, and sentences on the rest."""
    found: list[str] = []
    dropped: list[str] = []
    for line in lines:
        if re.search(r"[;@<>]|^[\w.\[\],-]+\s*[=!~]=", line) and not line.startswith("-"):
            # One requirement as written, which may hold blanks.
            _keep(line.strip(), found, dropped)
            continue
        try:
            words = iter(shlex.split(line))
        except ValueError:
            words = iter(line.split())
        for word in words:
            if word in _VALUED:
                _keep(f"{word} {next(words, '')}", found, dropped)
            elif word in _ELSEWHERE:
                dropped.append(
                    f"`{word} {next(words, '')}` names a file of that machine;"
                    " it is not repeated on another"
                )
            elif re.match(r"\.{0,2}/|.*\.(whl|tar\.gz|zip)$", word) and "://" not in word:
                dropped.append(f"`{word}` is a file of that machine; it is not repeated on another")
            elif not word.startswith("-"):
                _keep(word, found, dropped)
    return list(dict.fromkeys(found)), dropped


def _keep(line: str, found: list[str], dropped: list[str]) -> None:
    if holds_credentials(line):
        dropped.append(
            f"`{without_credentials(line)}` was given with a password, which is not kept: set up"
            " the index here (UV_INDEX, a keyring), or install it there again"
        )
    else:
        found.append(line)
