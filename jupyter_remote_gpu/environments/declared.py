"""What a project says it needs: its lock file, pyproject.toml, requirements or environment.yml.

The nearest folder that says anything wins, from the notebook's own up to the
repository's root; in it, the most exact kind of file does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.repository import upwards

from .toml import read_toml

LOCKS = ("uv.lock", "pylock.toml")
_CONDA_ONLY = frozenset(
    {"python", "pip", "cudatoolkit", "cuda", "mkl", "openblas", "nomkl", "blas"}
)
_INDEX = re.compile(
    r"(-i|--index-url|--extra-index-url|-f|--find-links|--no-index|--pre|--prefer-binary)\b"
)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A file that says what is needed.

    `kind` is lock, project, requirements or conda. `requirements` are its lines as a
    requirements file has them, paths made absolute: for uv where it cannot read the
    file itself, and to look for the one that cannot be had. `read` are all files that
    were read: when one changes, so does what is declared. `left_out` are sentences.
    """

    kind: str
    path: Path
    requirements: tuple[str, ...] = ()
    read: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()


def declaration(folder: Path) -> Declaration | None:
    """Return what the project of a notebook in `folder` declares; None if nothing does.

    Raises `RequestError` for a file that cannot be read, naming it.
    """
    for place in upwards(folder):
        found = _in(place)
        if found is not None:
            return found
    return None


def _in(folder: Path) -> Declaration | None:
    for name in LOCKS:
        if (folder / name).is_file():
            beside = [p for p in (folder / name, folder / "pyproject.toml") if p.is_file()]
            return Declaration("lock", folder / name, read=tuple(beside))
    project = folder / "pyproject.toml"
    if project.is_file() and re.search(r"^\[project(?!\.)", _text(project), re.MULTILINE):
        return _project(project)
    found = folder.glob("requirements*.txt")
    lists = sorted(found, key=lambda p: (p.name != "requirements.txt", p))
    if lists:
        read: list[Path] = []
        lines = tuple(_lines(lists[0], read))
        return Declaration("requirements", lists[0], lines, tuple(read))
    for name in ("environment.yml", "environment.yaml"):
        if (folder / name).is_file():
            return _conda(folder / name)
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: object) -> RequestError:
    """Return the error for a file of the project that cannot be understood."""
    return RequestError(
        f"{path} cannot be read: {error}",
        hint="It says which packages the machine gets; mend it, or move it away.",
    )


def _project(path: Path) -> Declaration:
    """Read the dependencies of [project]; uv reads the file itself for where they come from."""
    try:
        table = read_toml(_text(path))["project"]
    except ValueError as error:
        raise unreadable(path, error) from error
    lines = table.get("dependencies", []) if isinstance(table, dict) else []
    if not isinstance(lines, list):
        raise unreadable(path, "[project] dependencies is no list")
    return Declaration("project", path, tuple(str(line) for line in lines), (path,))


def _lines(path: Path, read: list[Path]) -> Iterator[str]:
    """Yield the lines of a requirements file and of those it names, each with whole paths."""
    if path in read:
        return
    read.append(path)
    joined = re.sub(r"\\\r?\n", " ", _text(path))
    for raw in joined.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        nested = re.match(r"(-r|--requirement|-c|--constraint)[ =]?\s*(\S+)", line)
        if nested is not None:
            other = (path.parent / nested[2]).resolve()
            if nested[1] in {"-r", "--requirement"}:
                yield from _lines(other, read)
            else:
                yield f"-c {other}"
                list(_lines(other, read))
        elif line:
            yield _whole(line, path.parent)


def _whole(line: str, folder: Path) -> str:
    """Return a line of a requirements file as it is right in another folder, without hashes."""
    line = re.sub(r"\s+--hash[= ]\S+", "", line).strip()
    local = re.match(r"(-e\s+|--editable[= ]\s*)?(\.{1,2}(?:/\S*)?|[\w.-]+/\S*|/\S+)$", line)
    if local is not None and "://" not in line:
        return f"{'-e ' if local[1] else ''}{(folder / local[2]).resolve()}"
    return line


def is_option(line: str) -> bool:
    """Say whether a line of a requirements file names no package but a source or constraint."""
    return line.startswith("-c ") or _INDEX.match(line) is not None


def _conda(path: Path) -> Declaration:
    """Read the dependencies of an environment.yml: those that are packages of the index."""
    try:
        whole = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise unreadable(path, str(error).replace("\n", " ")) from error
    items = whole.get("dependencies") if isinstance(whole, dict) else None
    found: list[str] = []
    left_out: list[str] = []
    read = [path]
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            found += _pip_of_conda(item.get("pip"), path, read)
            continue
        line = _conda_line(str(item))
        if line is None:
            left_out.append(str(item))
        elif line:
            found.append(line)
    words: tuple[str, ...] = ()
    if left_out:
        words = (
            f"{', '.join(left_out)} of {path.name} can only be had from conda, not from a"
            " package index; they are not on the machine",
        )
    return Declaration("conda", path, tuple(found), tuple(read), words)


def _pip_of_conda(lines: Any, path: Path, read: list[Path]) -> Iterator[str]:
    for line in lines if isinstance(lines, list) else []:
        nested = re.match(r"-r\s*(\S+)", str(line))
        if nested is not None:
            yield from _lines((path.parent / nested[1]).resolve(), read)
        else:
            yield _whole(str(line), path.parent)


def _conda_line(text: str) -> str | None:
    """Return a conda dependency as a requirement; "" for Python and pip, None for conda's own."""
    text = text.strip().rpartition("::")[2]
    match = re.match(r"([A-Za-z0-9_.-]+)\s*(.*)$", text)
    if match is None:
        return None
    name, rest = match[1], match[2].strip()
    if name.lower() in {"python", "pip"}:
        return ""
    if name.lower() in _CONDA_ONLY or name.startswith(("_", "lib")) or name.endswith("-nolibs"):
        return None
    name = {"pytorch": "torch", "pytorch-gpu": "torch", "pytorch-cpu": "torch"}.get(name, name)
    if name in {"pytorch-cuda", "cudnn", "nccl", "cuda-toolkit", "gcc", "gxx", "make", "cmake"}:
        return None
    version = rest.split()[0] if rest else ""
    if re.match(r"==?[^=]", version):
        bare = version.lstrip("=").partition("=")[0]
        exact = version.startswith("==") or bare.count(".") > 1 or bare.endswith("*")
        # conda's `numpy=1.26` is any 1.26; `numpy=1.26.4` names one.
        return f"{name}=={bare}" if exact else f"{name}=={bare}.*"
    return f"{name}{version}"
