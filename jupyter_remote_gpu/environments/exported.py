"""A project's own lock file as requirements, for uv to choose from for another machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jupyter_remote_gpu.uv_program import uv

from .addresses import without_credentials
from .declared import Declaration, unreadable
from .pylock import Package, read_pylock
from .torch_build import FAMILY, follows_torch


def lines_of_lock(declared: Declaration) -> tuple[str, ...]:
    """Return the pinned packages of a uv.lock or pylock.toml, with their markers.

    Packages of development groups and of optional ones, and the project itself,
    are left out. Builds of PyTorch are for this computer: what follows from them is
    chosen again. Raises `RequestError` for a lock that cannot be read.
    """
    lines = _of_uv(declared.path) if declared.path.name == "uv.lock" else _of_pylock(declared.path)
    names = {line.partition("==")[0].partition(" ")[0] for line in lines}
    if FAMILY & names:
        return tuple(_any_build(line) for line in lines if not follows_torch(line))
    return tuple(lines)


def _any_build(line: str) -> str:
    """Return a requirement on a package of PyTorch without the build's name."""
    pin, semicolon, marker = line.partition(";")
    return f"{pin.partition('+')[0].rstrip()}{' ;' if semicolon else ''}{marker}"


def _of_uv(path: Path) -> list[str]:
    command = [uv(), "export", "--frozen", "--no-dev", "--no-default-groups", "--no-hashes"]
    command += ["--no-emit-workspace", "--no-header", "--no-annotate", "--quiet"]
    command += ["--python", sys.executable, "--no-python-downloads", "--color", "never"]
    ran = subprocess.run(
        command,
        cwd=path.parent,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if ran.returncode:
        raise unreadable(path, without_credentials(" ".join(ran.stderr.split())))
    lines = [line.strip() for line in ran.stdout.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "-e", ".", "/"))]


def _of_pylock(path: Path) -> list[str]:
    try:
        packages = read_pylock(path.read_text(encoding="utf-8"), path.parent)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(path, error) from error
    lines = [_line(one) for one in packages if not one.folder]
    return [line for line in lines if line]


def _line(one: Package) -> str:
    marker = f" ; {one.marker}" if one.marker else ""
    if one.vcs is not None:
        kind, url, commit = one.vcs
        return f"{one.name} @ {kind}+{url}@{commit}{marker}"
    if one.files and one.files[0].kind == "archive":
        return "" if one.only_here else f"{one.name} @ {one.files[0].where}{marker}"
    return f"{one.name}=={one.version}{marker}" if one.version else ""
