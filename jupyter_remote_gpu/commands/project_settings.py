"""What a project's own files set: the data that all its remote cells and scripts want.

`[tool.jupyter_remote_gpu]` of pyproject.toml, or `.remotegpu.toml` with the same keys
for a folder that has no pyproject.toml. The nearest folder that sets anything wins, up
to the repository's root.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.datasets.addresses import without_secrets
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.reference import Kind
from jupyter_remote_gpu.environments.toml import read_toml
from jupyter_remote_gpu.errors import BadReferenceError, RequestError
from jupyter_remote_gpu.repository import upwards

TABLE = "jupyter_remote_gpu"
OWN_FILE = ".remotegpu.toml"
PROJECT_FILE = "pyproject.toml"
_SLIPS = ("jupyter-remote-gpu", "remote_gpu", "remote-gpu", "remotegpu")
"""How the table's name is easily written instead; such a table would say nothing."""
_FORM = 'Write datasets = ["kaggle://OWNER/NAME", {address = "hf://datasets/ORG/NAME", as = "x"}].'
_PLACE = f"It stands in [tool.{TABLE}] of {PROJECT_FILE}, or in {OWN_FILE}."
_ENTRY_KEYS = frozenset({"address", "as"})

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class WantedData:
    """Data that a machine is to have before anything of a project runs there.

    `address` is one of `datasets.grammar`, `called` the name below `data/`, "" for
    the data's own. What `lies_here`, on this computer, may change at any time.
    """

    address: str
    called: str = ""
    lies_here: bool = False


class ProjectSettings:
    """The settings of the project that a folder of this computer lies in. Any thread.

    Files are read when they change, which is looked at whenever something is asked:
    a few `stat`s. So an edit counts for the next cell.
    """

    def __init__(self, folder: Path) -> None:
        self._places = tuple(upwards(folder))
        self._stamp: Stamp | None = None
        self._data: tuple[WantedData, ...] = ()
        self._file: Path | None = None

    def data(self) -> tuple[WantedData, ...]:
        """Return the data that the project wants, in the order of its file.

        RequestError for an entry, or a file, that cannot be understood: it names file,
        entry, and what may be written there.
        """
        stamp = _stamp(self._places)
        if stamp != self._stamp:
            self._file, table = _settings(self._places)
            self._data = () if self._file is None else _data(table, self._file)
            self._stamp = stamp
        return self._data

    @property
    def file(self) -> Path | None:
        """The file that set something when `data` was asked; None if none did."""
        return self._file


def with_named(entries: Sequence[WantedData], addresses: Sequence[str]) -> tuple[WantedData, ...]:
    """Return entries and, after them, the addresses that no entry names."""
    known = {entry.address for entry in entries}
    return (*entries, *(WantedData(one) for one in addresses if one not in known))


def no_data_named() -> RequestError:
    """Return the error for asking for the data of settings that name none."""
    return RequestError("the project's settings name no data", hint=f"{_FORM} {_PLACE}")


def _stamp(places: Sequence[Path]) -> Stamp:
    """Return a mark of all files that may set something, which changes when one does."""
    found = []
    for place in places:
        for name in (OWN_FILE, PROJECT_FILE):
            path = os.path.join(place, name)
            try:
                seen = os.stat(path)
            except OSError:
                continue
            found.append((path, seen.st_mtime_ns, seen.st_size))
    return tuple(found)


def _settings(places: Sequence[Path]) -> tuple[Path | None, dict[str, Any]]:
    """Return the nearest file that sets something, and what; (None, {}) if none does."""
    for place in places:
        own, project = place / OWN_FILE, place / PROJECT_FILE
        tables = {}
        if own.is_file():
            tables[own] = _parsed(own, _text(own))
        if project.is_file():
            table = _tool_table(project)
            if table is not None:
                tables[project] = table
        if len(tables) > 1:
            raise RequestError(
                f"{own} and [tool.{TABLE}] of {project.name} beside it both have settings",
                hint="Keep one of them.",
            )
        for path, table in tables.items():
            _check_keys(path, table)
            return path, table
    return None, {}


def _tool_table(path: Path) -> dict[str, Any] | None:
    """Return our table of a pyproject.toml; None if it has none."""
    text = _text(path)
    if not any(name in text for name in (TABLE, *_SLIPS)):
        return None  # it is other tools' affair whether it can be read
    tools = _parsed(path, text).get("tool", {})
    if not isinstance(tools, dict):
        return None
    for slip in _SLIPS:
        if slip in tools:
            raise RequestError(
                f"{path} has a table [tool.{slip}], which says nothing",
                hint=f"Settings of remote cells stand in [tool.{TABLE}].",
            )
    table = tools.get(TABLE)
    if table is None or isinstance(table, dict):
        return table
    raise RequestError(f"{path}: tool.{TABLE} is no table", hint=f"Write [tool.{TABLE}].")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return read_toml(text)
    except ValueError as error:  # it names line and column
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: object) -> RequestError:
    return RequestError(
        f"{path} cannot be read: {error}",
        hint="It says which data remote cells want; mend it, or move it away.",
    )


def _check_keys(path: Path, table: dict[str, Any]) -> None:
    unknown = sorted(set(table) - {"datasets"})
    if unknown:
        where = "" if path.name == OWN_FILE else f" in [tool.{TABLE}]"
        raise RequestError(
            f"{path}: {', '.join(unknown)}{where} is no setting", hint=f"There is one. {_FORM}"
        )


def _data(table: dict[str, Any], path: Path) -> tuple[WantedData, ...]:
    entries = table.get("datasets", [])
    if not isinstance(entries, list):
        raise RequestError(f"{path}: datasets is no list", hint=_FORM)
    found: dict[str, WantedData] = {}
    for number, entry in enumerate(entries, 1):
        name, wanted = _wanted(entry, f"{path}: entry {number} of datasets", path.parent)
        if name in found:
            shown = without_secrets(wanted.address)
            raise RequestError(
                f"{path}: two entries of datasets are both data/{name}",
                hint=f'Give one a name of its own: {{address = "{shown}", as = "…"}}.',
            )
        found[name] = wanted
    return tuple(found.values())


def _wanted(entry: object, where: str, folder: Path) -> tuple[str, WantedData]:
    """Return what an entry asks for and its name below `data/`; paths are made whole."""
    if isinstance(entry, str):
        entry = {"address": entry}
    if not isinstance(entry, dict) or "address" not in entry or set(entry) - _ENTRY_KEYS:
        raise RequestError(
            f"{where} is neither an address nor a table of address and as", hint=_FORM
        )
    address, called = entry["address"], entry.get("as", "")
    if not isinstance(address, str) or not isinstance(called, str):
        raise RequestError(f"{where}: address and as are texts", hint=_FORM)
    try:
        reference = parse_reference(address, base=folder, called=called)
    except BadReferenceError as error:
        raise RequestError(f"{where}: {error.message}", hint=error.hint) from error
    plain = address.strip()
    lies_here = reference.kind is Kind.LOCAL
    if lies_here and not plain.startswith("file://"):
        plain = reference.place  # whoever places it may be in another folder
    return reference.name, WantedData(plain, called, lies_here)
