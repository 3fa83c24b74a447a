"""What a project says it needs: its lock file, pyproject.toml, requirements or environment.yml.

The nearest folder that says anything wins, from the notebook's own up to the
repository's root; in it, the most exact kind of file does.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.errors import RequestError

LOCKS = ("uv.lock", "pylock.toml")
_CONDA_ONLY = frozenset({"python", "pip", "cudatoolkit", "cuda", "mkl", "openblas"})


@dataclass(frozen=True, slots=True)
class Declaration:
    """A file that says what is needed.

    `kind` is lock, project, requirements or conda; `requirements` are lines that
    `uv pip compile` takes, empty where uv reads the file itself.
    """

    kind: str
    path: Path
    requirements: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def declaration(folder: Path) -> Declaration | None:
    """Return what the project of a notebook in `folder` declares; None if nothing does.

    Raises `RequestError` for a file that cannot be read, naming it.
    """
    for place in (folder, *folder.parents):
        found = _in(place)
        if found is not None:
            return found
        if (place / ".git").exists() or place == Path.home():
            return None
    return None


def _in(folder: Path) -> Declaration | None:
    for name in LOCKS:
        if (folder / name).is_file():
            return Declaration("lock", folder / name)
    project = folder / "pyproject.toml"
    if project.is_file() and re.search(r"^\[project\]", _text(project), re.MULTILINE):
        return Declaration("project", project)
    found = folder.glob("requirements*.txt")
    lists = sorted(found, key=lambda p: (p.name != "requirements.txt", p))
    if lists:
        return Declaration("requirements", lists[0])
    for name in ("environment.yml", "environment.yaml"):
        if (folder / name).is_file():
            return _conda(folder / name)
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            f"{path} cannot be read: {error}",
            hint="It says which packages the machine gets; mend it, or move it away.",
        ) from error


def _conda(path: Path) -> Declaration:
    """Read the dependencies of an environment.yml: those that are packages of the index.

    Only the simple form that conda writes is understood: a list of
    `- name=version` and one nested list under `- pip:`.
    """
    found: list[str] = []
    left_out: list[str] = []
    section = ""
    for line in _text(path).splitlines():
        bare = line.split(" #")[0].rstrip()
        if re.match(r"\w", bare):
            section = bare.partition(":")[0]
        item = re.match(r"(\s*)- (.+)", bare)
        if section != "dependencies" or item is None or item[2].strip() == "pip:":
            continue
        name, _, version = item[2].strip().strip("'\"").partition("=")
        if name.lower() in _CONDA_ONLY or name.startswith(("_", "lib")):
            left_out.append(item[2].strip())
        elif version and not re.search(r"[<>!~ ]", name):
            found.append(f"{name}=={version.lstrip('=').split('=')[0]}")
        else:
            found.append(item[2].strip().strip("'\""))
    return Declaration("conda", path, tuple(found), tuple(left_out))


def python_wanted(folder: Path) -> tuple[int, int]:
    """Return the Python version the machine should have: the notebook's own, exactly as here."""
    return sys.version_info[:2]
