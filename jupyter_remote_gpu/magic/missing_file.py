"""What a user is told whose cell looked, on an added machine, for a file that is only here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_remote_gpu.files.mentioned import left_behind
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.files.verdict import LeftOut
from jupyter_remote_gpu.session.file_words import stays_line

_ERRORS = frozenset({"FileNotFoundError", "NotADirectoryError"})
_QUOTED = re.compile(r"'([^'\n]{1,1000})'|\"([^\"\n]{1,1000})\"")


def missing_file_text(
    error: Mapping[str, Any],
    machine: str,
    root: Path,
    folder: Path,
    there: str,
    left_out: Mapping[bytes, LeftOut],
) -> str | None:
    """Return the line for a remote cell's exception that a file is missing; None for others.

    `root` is the project's folder here, `folder` the notebook's, `there` the folder
    of the machine in which cells work. None too where the file is not here either.
    """
    if error.get("name") not in _ERRORS:
        return None
    found = _QUOTED.search(str(error.get("value", "")))
    if found is None:
        return None
    told = found[1] or found[2]
    inside = told
    if there and PurePosixPath(told).is_relative_to(there):
        inside = str(PurePosixPath(told).relative_to(there))
    here = Path(os.path.normpath(folder / inside))
    if not os.path.lexists(here):
        return None
    if not here.is_relative_to(root):
        return f"{path_text(told)} lies outside of the project {root}: only what lies in it follows"
    if os.path.isabs(inside):
        short = os.path.relpath(here, folder)
        return (
            f"{path_text(told)} is a path of this computer; {path_text(short)}, from the notebook's"
            f" folder, is there on {machine} too"
        )
    stays = left_behind([str(here.relative_to(root))], "", left_out)
    return stays_line(stays[0]) if stays else None
