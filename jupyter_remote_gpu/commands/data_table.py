"""What is said of datasets on a machine: the table of them, and a line for one just placed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_remote_gpu.datasets.addresses import without_secrets
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.reference import Reference
from jupyter_remote_gpu.errors import BadReferenceError, RequestError
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.session.cell_data import ProjectData
from jupyter_remote_gpu.session.datasets import Placed
from jupyter_remote_gpu.session.file_words import count_text
from jupyter_remote_gpu.session.summary import names_text, seconds_text, size_text

from .machine_table import columns
from .project_settings import WantedData

Rows = Sequence[Mapping[str, Any]]
"""The answer to `protocol.dataset_messages.ListDatasets`."""


def data_text(rows: Rows, now: float | None = None) -> str:
    """Return a line for each dataset on a machine, the one used last first."""
    now = time.time() if now is None else now
    lines: list[tuple[str, ...]] = [
        ("name", "address", "size", "files", "last used", "state", "at")
    ]
    for row in sorted(rows, key=lambda one: -float(one["used"])):
        used = f"{seconds_text(max(1.0, now - row['used']))} ago" if row["used"] else ""
        state = "being fetched" if row["going"] else "" if row["whole"] else "unfinished"
        where = ", ".join(row["at"])
        count = f"{row['files']:,}" if row["files"] else ""
        cells = (row["name"], row["text"], size_text(row["bytes"]), count, used, state, where)
        lines.append(tuple(str(cell) for cell in cells))
    return columns(lines)


def placed_text(name: str, text: str, placed: Placed) -> str:
    """Return what is said of a dataset that a machine has now: what, how much, and where."""
    count = count_text(placed.files)
    also = f", also {placed.kaggle}" if placed.kaggle else ""
    lines = [
        f"{text} ({size_text(placed.bytes)}, {count}) is {path_text(placed.path)} on {name}{also}"
    ]
    return "\n".join([*lines, *placed.notes])


def keys_of(name: str, rows: Rows, wanted: Sequence[str]) -> list[str]:
    """Return the keys of datasets that a user names: by name, address or key.

    RequestError for one that is not there.
    """
    keys: dict[str, None] = {}
    unknown = []
    for word in wanted:
        spelled = _spellings(word)
        found = [str(row["key"]) for row in rows if spelled & _names(row)]
        keys.update(dict.fromkeys(found))
        if not found:
            unknown.append(word)
    if unknown:
        raise RequestError(
            f"there are no data called {names_text(unknown)} on {name}",
            hint="%remote_gpu data shows what there is.",
        )
    return list(keys)


def missing_text(name: str, rows: Rows, wanted: Sequence[WantedData], project: ProjectData) -> str:
    """Return a sentence about data that the project wants and a machine lacks; "" for none.

    Asks no source: what was never looked up was never placed.
    """
    there = {str(row["key"]) for row in rows if row["whole"]}
    missing = []
    for one in wanted:
        found = project.known(one.address, called=one.called)
        if found is None or found.key not in there:
            missing.append(without_secrets(one.address))
    return f"The project wants, and {name} has not: {', '.join(missing)}." if missing else ""


def _names(row: Mapping[str, Any]) -> set[str]:
    """Return all that a dataset is called, with and without its version."""
    text = str(row["text"])
    bare = _parsed(text)
    return {str(row["name"]), str(row["key"]), text, bare.at("").text if bare else text}


def _parsed(word: str) -> Reference | None:
    """Return what an address means; None for a name or a key."""
    try:
        return parse_reference(word)
    except BadReferenceError:
        return None


def _spellings(word: str) -> set[str]:
    """Return a word, and how lists have it if it is an address: `o/n` is `kaggle://o/n`."""
    found = _parsed(word)
    return {word} if found is None else {word, found.text}
