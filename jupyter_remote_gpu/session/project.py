"""What a machine's environment follows: a project, its notebook's cells, what was installed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from packaging.utils import canonicalize_name


class Project(Protocol):
    """What a place asks of the notebook; `magic` implements it. Quick, any thread."""

    @property
    def folder(self) -> Path:
        """The notebook's folder on this computer."""
        ...

    def sources(self) -> Sequence[str]:
        """Return the cells that were run so far, on any side, in plain Python, oldest first."""
        ...

    def extras(self) -> Sequence[str]:
        """Return the lines that were installed by hand for this project, oldest first."""
        ...

    def record(self, lines: Sequence[str]) -> None:
        """Remember exactly these lines from now on."""
        ...


def workspace_name(client: str, project: Path) -> str:
    """Name a project's workspace: after its folder, and apart from those of other clients."""
    path = project.resolve()
    mark = hashlib.blake2b(f"{client}\0{path}".encode(), digest_size=4).hexdigest()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).strip("-._")[:60] or "project"
    return f"{plain}-{mark}"


def package_of(line: str) -> str:
    """Return the package that a requirement names, as indexes write it; "" for an option."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return "" if found is None else canonicalize_name(found[0])


def recorded(
    before: Sequence[str], came: dict[str, str], went: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return the lines to remember after packages came and went, and what to say of that.

    `came` is {package: the line that asks for it, "" if nobody did}, as the kernel
    reports it (`run_ended`).
    """
    asked = [line for line in came.values() if line]
    local = [line for line in asked if line.startswith("-e ") or "file://" in line]
    lasting = [line for line in asked if line not in local]
    kept = [line for line in before if package_of(line) not in {*came, *went}]
    said = []
    if lasting:
        said.append(f"{', '.join(lasting)}: kept for this project, on other machines too")
    gone = [name for name in went if any(package_of(line) == name for line in before)]
    if gone:
        said.append(f"{', '.join(gone)}: no longer kept for this project")
    said += [
        f"`{line}` is code of that machine alone: it is not repeated on another" for line in local
    ]
    return [*kept, *lasting], tuple(said)
