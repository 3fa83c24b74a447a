"""`dataset("…")` in a script that runs on a machine: what was placed before it began.

Loaded into the script's own process, by whatever Python its environment has: it
needs the standard library alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import NotAvailableError

BOOK_VARIABLE = "JUPYTER_REMOTE_GPU_SCRIPT_DATA"
FOLDER_VARIABLE = "JUPYTER_REMOTE_GPU_SCRIPT_FOLDER"


def variables(book: Path, folder: str) -> dict[str, str]:
    """Return what a script that runs in `folder` gets in its environment.

    `book` is the agent's list of what was placed in which project.
    """
    return {BOOK_VARIABLE: str(book), FOLDER_VARIABLE: folder}


def in_script() -> bool:
    """Say whether this process is a script that a kernel has started, or one of its children."""
    return all(os.environ.get(name) for name in (BOOK_VARIABLE, FOLDER_VARIABLE))


def dataset(address: str) -> Path:
    """Return the folder with the data of an address; NotAvailableError if it was not placed.

    Nobody need be there to answer a script while it runs, so nothing is asked.
    """
    for link, asked in _placed():
        if address in asked and link.exists():
            return link
    raise NotAvailableError(
        f"{address[:200]} was not placed on this machine before the script began",
        hint='Write the address as it is: dataset("kaggle://OWNER/NAME"), name it with --datasets,'
        " or in the project's settings.",
    )


def _placed() -> Iterator[tuple[Path, list[str]]]:
    """Yield the links in this script's project, each with the addresses that it stands for."""
    try:
        book: dict[str, Any] = json.loads(Path(os.environ[BOOK_VARIABLE]).read_bytes())
    except FileNotFoundError:
        return  # nothing was ever placed on this machine
    folder = Path(os.environ[FOLDER_VARIABLE])
    for project, placed in book.items():
        if folder.is_relative_to(project):
            for at, one in placed.items():
                yield Path(project) / at, one["asked"]
