"""What a notebook uses of what is installed here, where no file says what it needs."""

from __future__ import annotations

import ast
import importlib.metadata as metadata
import re
import sys
from collections.abc import Iterable
from functools import lru_cache

_OURS = frozenset({"jupyter-remote-gpu"})
_FRONT_ENDS = frozenset({"ipython", "ipykernel", "jupyter-client", "jupyterlab", "notebook"})
"""They run the notebook here; the machine has its own of what it needs."""


def requirements(sources: Iterable[str]) -> dict[str, str]:
    """Return {distribution: version} of all packages that the cells import and are installed here.

    Their own dependencies are left to the resolver. Editable installs and local
    builds are given without their local version part.
    """
    found: dict[str, str] = {}
    owners = _owners(len(sys.path))
    for module in sorted({m for source in sources for m in imported(source)}):
        for owner in owners.get(module, ()):
            name = re.sub(r"[-_.]+", "-", owner).lower()
            if name not in _OURS | _FRONT_ENDS:
                found[name] = metadata.version(owner).partition("+")[0]
    return found


def imported(source: str) -> set[str]:
    """Return the top-level modules that a text imports; none if it cannot be parsed."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    tops = {name.partition(".")[0] for name in names}
    return tops - sys.stdlib_module_names


@lru_cache(maxsize=1)
def _owners(paths: int) -> dict[str, list[str]]:
    """Return which distributions bring which top-level module."""
    return dict(metadata.packages_distributions())
