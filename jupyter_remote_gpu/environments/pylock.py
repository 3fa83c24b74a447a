"""What uv chose, read from its pylock.toml (PEP 751), and the text that goes to a machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .addresses import without_credentials
from .toml import read_toml

CARRIED = "carried"
_HEAD = 'lock-version = "1.0"\ncreated-by = "jupyter_remote_gpu"\n'


@dataclass(frozen=True, slots=True)
class File:
    """A file of a package. `where` is its address, or an absolute path on this computer."""

    kind: str
    where: str
    sha256: str = ""
    local: bool = False

    @property
    def name(self) -> str:
        """Return the file's name."""
        return unquote(self.where.rpartition("/")[2])

    @property
    def place(self) -> str:
        """Return where a local file lies below a machine's uv cache folder once it was carried."""
        return f"{CARRIED}/{self.sha256[:16]}/{self.name}"


@dataclass(frozen=True, slots=True)
class Package:
    """One chosen package: its files, or the commit of a repository, or a folder of the user's.

    `vcs` is (type, address, commit); `folder` is a path for what is no package.
    """

    name: str
    version: str
    files: tuple[File, ...] = ()
    vcs: tuple[str, str, str] | None = None
    folder: str = ""
    marker: str = ""

    @property
    def from_source(self) -> bool:
        """Say whether it has to be built where it is installed."""
        return bool(self.files) and all(file.kind == "sdist" for file in self.files)

    @property
    def only_here(self) -> bool:
        """Say whether its file lies on this computer's disk alone."""
        return bool(self.files) and all(file.local for file in self.files)


def read_pylock(text: str, folder: Path) -> tuple[Package, ...]:
    """Return the packages of a pylock.toml; relative paths are taken from `folder`.

    Passwords in addresses are left out. Raises `ValueError` for a text of another form.
    """
    tables = read_toml(text).get("packages", [])
    return tuple(_package(table, folder) for table in tables)


def _package(table: dict[str, Any], folder: Path) -> Package:
    one = Package(str(table["name"]), str(table.get("version", "")), marker=table.get("marker", ""))
    if "directory" in table:
        return replace(one, folder=str((folder / table["directory"]["path"]).resolve()))
    if "vcs" in table:
        vcs = table["vcs"]
        url = without_credentials(str(vcs.get("url") or vcs.get("path")))
        return replace(one, vcs=(str(vcs["type"]), url, str(vcs["commit-id"])))
    found = [_file("wheels", wheel, folder) for wheel in table.get("wheels", [])]
    for kind in ("archive", "sdist"):
        # Where there are wheels that fit, nothing is built there.
        if kind in table and not found:
            found.append(_file(kind, table[kind], folder))
    files = tuple(found)
    if not one.version and files:
        # An archive given by its address may have none; its name says it.
        match = re.match(r"[^-]+-([^-]+?)(?:-|\.tar|\.zip)", files[0].name)
        one = replace(one, version=match[1] if match else "")
    return replace(one, files=files)


def _file(kind: str, table: dict[str, Any], folder: Path) -> File:
    sha256 = str(table.get("hashes", {}).get("sha256", ""))
    url = str(table.get("url", ""))
    if url and not url.startswith("file:"):
        return File(kind, without_credentials(url), sha256)
    path = unquote(urlsplit(url).path) if url else str((folder / table["path"]).resolve())
    if not sha256 and Path(path).is_file():
        # uv leaves it out for files of this computer; it names the place where they will lie.
        sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return File(kind, path, sha256, local=True)


def write_pylock(packages: Iterable[Package]) -> str:
    """Return the pylock.toml of some packages, always in the same form and order.

    Files of this computer are named by their place below the machine's cache folder.
    """
    written = "".join(_written(one) for one in sorted(packages, key=lambda p: p.name))
    return _HEAD + (written or "packages = []\n")


def _written(one: Package) -> str:
    lines = ["", "[[packages]]", f"name = {json.dumps(one.name)}"]
    if one.version:
        lines.append(f"version = {json.dumps(one.version)}")
    if one.marker:
        lines.append(f"marker = {json.dumps(one.marker)}")
    if one.vcs is not None:
        kind, url, commit = map(json.dumps, one.vcs)
        lines.append(f"vcs = {{ type = {kind}, url = {url}, commit-id = {commit} }}")
    wheels = [_written_file(file) for file in one.files if file.kind == "wheels"]
    if wheels:
        lines.append(f"wheels = [{', '.join(wheels)}]")
    lines += [f"{f.kind} = {_written_file(f)}" for f in one.files if f.kind != "wheels"]
    return "\n".join(lines) + "\n"


def _written_file(file: File) -> str:
    where = f"path = {json.dumps(file.place)}" if file.local else f"url = {json.dumps(file.where)}"
    hashes = f", hashes = {{ sha256 = {json.dumps(file.sha256)} }}" if file.sha256 else ""
    return f"{{ {where}{hashes} }}"
