"""The few modules that our part inside a kernel imports, for that kernel's Python.

They lie in a folder of their own, apart from the agent's and from the user's
packages, one for each minor version: BASE/kernel_parts/VERSION-…/.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from jupyter_remote_gpu.errors import NeedsPackagesError
from jupyter_remote_gpu.protocol.steps import Told

from .uv_run import Uv

NEEDS = ("blake3", "cloudpickle", "xxhash")
_OWN_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def part_folder(base: Path, version: str) -> Path:
    """Return where the part for a Python version is, or will be: named by what is in it."""
    return base / "kernel_parts" / "-".join([version, *_versions().values()])


async def make_part(
    base: Path, version: str, python: str, uv: Uv, told: Told, carried: Path | None = None
) -> None:
    """Make the part for a version where it is missing; `python` is an interpreter of it.

    For the agent's own version it is copied from the agent, without a network; else
    from the folder that a client `carried`, or fetched. Raises NeedsPackagesError
    where the files cannot be had.
    """
    folder = part_folder(base, version)
    if folder.is_dir():
        return
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        if version == _OWN_VERSION:
            _copy(metadata.distributions(), new)
        elif carried is not None and carried.is_dir():
            _copy(metadata.distributions(path=[str(carried)]), new)
        else:
            await _fetch(new, python, uv, told)
        try:
            os.rename(new, folder)
        except OSError:
            # another build was first
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _copy(found: Iterable[metadata.Distribution], target: Path) -> None:
    """Copy what a kernel needs of what is installed, file by file as the records name them."""
    for one in found:
        if one.metadata["Name"] not in NEEDS:
            continue
        for file in one.files or ():
            if ".." in file.parts or "__pycache__" in file.parts:
                continue
            place = target / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), place)


async def _fetch(target: Path, python: str, uv: Uv, told: Told) -> None:
    wanted = [f"{name}=={version}" for name, version in _versions().items()]
    command = ["pip", "install", "--no-deps", "--only-binary", ":all:", "--python", python]
    command += ["--target", str(target), *wanted]
    for how in _WAYS:
        ended = await uv.run([*command, *how], "fetching what a kernel needs", told)
        if not ended.status:
            return
    raise NeedsPackagesError(
        "what our part of a kernel needs could not be fetched on the machine", hint=ended.reason
    )


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    """Return the versions that the agent has; a kernel's part has the same."""
    return {name: metadata.version(name) for name in NEEDS}


_WAYS: tuple[Sequence[str], ...] = (("--offline",), ())
