"""What a notebook uses of what is installed here: modules, and the packages that bring them."""

from __future__ import annotations

import ast
import importlib.metadata as metadata
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from packaging.utils import canonicalize_name

from .addresses import without_credentials

_OURS = frozenset({"jupyter-remote-gpu"})
_FRONT_ENDS = frozenset({"ipython", "ipykernel", "jupyter-client", "jupyterlab", "notebook"})
"""They run the notebook here; the machine has its own of what it needs."""
_MAGICS = frozenset({"run_cell_magic", "run_line_magic"})
_CELLS = 4096
_TOP = re.compile(r"^\"?([A-Za-z_]\w*)(?:/|\.py,|\.[\w.-]*(?:so|pyd),)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution here. `address` is where it was installed from, if not from an index.

    `folder` is where it lies if it is editable or was built from a folder of the user's;
    `tops` are the top-level modules that it brings.
    """

    name: str
    version: str
    tops: frozenset[str]
    files: metadata.Distribution
    address: str = ""
    folder: str = ""

    @property
    def wanted(self) -> str:
        """Return how a resolver is asked for it."""
        return f"{self.name} @ {self.address}" if self.address else self.name


@lru_cache(maxsize=_CELLS)
def imported(source: str) -> frozenset[str]:
    """Return the dotted names of modules that a cell imports; microseconds if it is known.

    Cells are plain Python; imports anywhere count, those in `%%time` and other magics too.
    `from a import b` names a.b as well, which may be a module. The standard
    library is left out; a text that cannot be parsed imports nothing.
    """
    if "import" not in source:
        return frozenset()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{a.name}" for a in node.names if a.name != "*")
        elif isinstance(node, ast.Call):
            names |= _called(node)
    return frozenset(n for n in names if n.partition(".")[0] not in sys.stdlib_module_names)


def _called(call: ast.Call) -> frozenset[str]:
    """Return what a call imports: `import_module("x")`, `__import__("x")`, code in a magic."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if name in {"import_module", "__import__"}:
        return frozenset(text for text in texts[:1] if text and not text.startswith("."))
    if name in _MAGICS and len(texts) > 1:
        # The code of `%timeit -n 3 import x` comes after flags that are no Python.
        plain = re.sub(r"^\s*(?:-\w+\s*\d*\s+)*", "", texts[-1])
        return imported(plain)
    return frozenset()


def versions() -> dict[str, str]:
    """Return {distribution: version} of all that is installed here, without local version parts."""
    return {name: found.version for name, found in _installed().items()}


def used(sources: Iterable[str]) -> tuple[dict[str, Installed], dict[str, str]]:
    """Return the distributions that cells import, and {module: file} of code that is in none.

    Dependencies of the former are left to the resolver. The packages that run the
    notebook here are left out.
    """
    found: dict[str, Installed] = {}
    own: dict[str, str] = {}
    by_module = _by_module()
    for module in sorted({m for source in sources for m in imported(source)}):
        top = module.partition(".")[0]
        owners = by_module.get(top, ())
        if not owners:
            place = _place(top)
            if place:
                own[top] = place
        for owner in _closest(owners, module):
            if owner.folder:
                own[top] = owner.folder
            elif owner.name not in _OURS | _FRONT_ENDS:
                found[owner.name] = owner
    return found, own


def _closest(owners: tuple[Installed, ...], module: str) -> tuple[Installed, ...]:
    """Return those of several distributions sharing a namespace that bring a module in it."""
    if len(owners) < 2:
        return owners
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        deep = ".".join(parts[:length])
        closest = tuple(owner for owner in owners if _brings(owner.files, deep))
        if closest:
            return closest
    # `import google` alone says nothing of which; as a whole package it is one's own.
    return owners if len(parts) == 1 and len(owners) < 4 else ()


def _place(top: str) -> str:
    """Return the file of a module that no distribution has; "" if there is none."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return ""
    if spec is None or spec.origin in {"built-in", "frozen"}:
        return ""
    return spec.origin or next(iter(spec.submodule_search_locations or ()), "")


def _state() -> tuple[tuple[str, int], ...]:
    """Return what changes when a package is installed or removed: the times of the folders."""
    # The working folder ("") changes with every saved notebook, and holds no packages.
    places = [place for place in sys.path if place and os.path.isdir(place)]
    return tuple((place, os.stat(place).st_mtime_ns) for place in places)


def _installed() -> dict[str, Installed]:
    return _read_installed(_state())


def _by_module() -> dict[str, tuple[Installed, ...]]:
    return _read_modules(_state())


@lru_cache(maxsize=1)
def _read_modules(state: tuple[tuple[str, int], ...]) -> dict[str, tuple[Installed, ...]]:
    found: dict[str, list[Installed]] = {}
    for one in _read_installed(state).values():
        for top in one.tops:
            found.setdefault(top, []).append(one)
    return {top: tuple(owners) for top, owners in found.items()}


@lru_cache(maxsize=1)
def _read_installed(state: tuple[tuple[str, int], ...]) -> dict[str, Installed]:
    """Read every distribution; the first on sys.path counts, as for imports."""
    found: dict[str, Installed] = {}
    for distribution in metadata.distributions(path=[place for place, _ in state]):
        name = _name(distribution)
        if name and name not in found:
            address, folder = _origin(distribution)
            version = _version(distribution).partition("+")[0]
            tops = _tops(distribution)
            found[name] = Installed(name, version, tops, distribution, address, folder)
    return found


def _name(distribution: metadata.Distribution) -> str:
    """Return the normal form of a name; "" for a folder that only looks like a distribution."""
    match = re.fullmatch(r"(.+?)-[^-]+\.dist-info", _stem(distribution))
    name = match[1] if match else (distribution.metadata["Name"] or "")
    return canonicalize_name(name)


def _version(distribution: metadata.Distribution) -> str:
    match = re.fullmatch(r".+?-([^-]+)\.dist-info", _stem(distribution))
    return match[1] if match else (distribution.version or "")


def _stem(distribution: metadata.Distribution) -> str:
    """Return the name of a distribution's folder; reading METADATA of hundreds takes longer."""
    path = getattr(distribution, "_path", None)
    return "" if path is None else Path(str(path)).name


def _origin(distribution: metadata.Distribution) -> tuple[str, str]:
    """Return (address, folder) of a distribution that came from no index; see PEP 610."""
    text = distribution.read_text("direct_url.json")
    if text is None:
        return "", ""
    try:
        told = json.loads(text)
        url = str(told["url"])
        if "dir_info" in told:
            return "", url.removeprefix("file://")
        if url.startswith("file:"):
            return "", ""
        vcs = told.get("vcs_info")
        if vcs is not None:
            return without_credentials(f"{vcs['vcs']}+{url}@{vcs['commit_id']}"), ""
        return without_credentials(url), ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""


def _tops(distribution: metadata.Distribution) -> frozenset[str]:
    """Return the top-level modules and packages that a distribution brings."""
    record = distribution.read_text("RECORD")
    if record is None:
        return frozenset((distribution.read_text("top_level.txt") or "").split())
    found = set(_TOP.findall(record))
    return frozenset(name for name in found if name.isidentifier() and name != "__pycache__")


def _brings(distribution: metadata.Distribution, module: str) -> bool:
    """Say whether a distribution has a module, or a folder, of this dotted name."""
    path = re.escape(module.replace(".", "/"))
    record = distribution.read_text("RECORD") or ""
    return re.search(rf"^\"?{path}(?:/|\.)", record, re.MULTILINE) is not None
