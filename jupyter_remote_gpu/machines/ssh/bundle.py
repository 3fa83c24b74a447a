"""What is carried to a machine so that an agent runs there: made here, for its platform, cached.

    <name>/                      named by its content
      jupyter_remote_gpu/        this package's own files
      site/                      what the agent imports besides
      bin/uv                     makes the environments of workspaces there

`uv` fetches wheels for the machine's platform and Python, not for ours, and
keeps them; a second machine of the same kind costs nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

import jupyter_remote_gpu
from jupyter_remote_gpu.errors import AgentStartError
from jupyter_remote_gpu.uv_program import uv, uv_version

AGENT_NEEDS = (
    "blake3>=0.4",
    "cloudpickle>=2.2",
    "jupyter_client>=7.4.9",
    "pyzmq>=22",
    "traitlets>=5.1",
    "xxhash>=3.0",
)
"""What the agent, and the part of it inside kernels, imports. Kept equal to pyproject.toml."""
NAME_LETTERS = 16
_OWN = Path(jupyter_remote_gpu.__file__).parent


@dataclass(frozen=True, slots=True)
class Bundle:
    """A packed bundle: `archive` is a .tar.gz whose one folder is `name`."""

    name: str
    archive: Path
    unpacked_bytes: int


def bundle(cache: Path, platform: str, python: tuple[int, int]) -> Bundle:
    """Return the bundle for machines of `platform` whose agent runs with `python`.

    `platform` is as `uv pip --python-platform` names it. Blocks; needs the
    package index the first time. Raises AgentStartError with uv's own words.
    """
    name = _name(platform, python)
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    archive = cache / f"{name}.tar.gz"
    size = archive.with_suffix(".size")
    if not (archive.exists() and size.exists()):
        with tempfile.TemporaryDirectory(dir=cache) as made:
            root = Path(made) / name
            _fill(root, platform, python)
            size.write_text(str(_pack(root, archive)))
    return Bundle(name, archive, int(size.read_text()))


def _name(platform: str, python: tuple[int, int]) -> str:
    """Name a bundle by all that it is made from."""
    digest = blake3(f"{platform} {python} {AGENT_NEEDS} uv {uv_version()}".encode())
    for path in _own_files():
        digest.update(str(path.relative_to(_OWN)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:NAME_LETTERS]


def _own_files() -> list[Path]:
    return sorted(p for p in _OWN.rglob("*") if p.is_file() and p.suffix != ".pyc")


def _fill(root: Path, platform: str, python: tuple[int, int]) -> None:
    for path in _own_files():
        place = root / "jupyter_remote_gpu" / path.relative_to(_OWN)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    version = f"{python[0]}.{python[1]}"
    _install(root / "site", platform, version, *AGENT_NEEDS)
    with tempfile.TemporaryDirectory(dir=root.parent) as apart:
        _install(Path(apart), platform, version, f"uv=={uv_version()}")
        (root / "bin").mkdir()
        shutil.move(Path(apart) / "bin" / "uv", root / "bin" / "uv")


def _install(target: Path, platform: str, python: str, *needs: str) -> None:
    """Install wheels of another platform into a folder."""
    command = [uv(), "pip", "install", "--quiet", "--no-config", "--target", str(target)]
    command += ["--python-platform", platform, "--python-version", python]
    command += ["--only-binary", ":all:", "--link-mode", "copy", *needs]
    ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if ran.returncode:
        raise AgentStartError(
            f"what the agent needs could not be fetched for {platform}, Python {python}",
            hint=ran.stderr.strip() or "Is this computer connected to the internet?",
        )


def _pack(root: Path, archive: Path) -> int:
    """Pack `root` into `archive`, whole or not at all; return what it weighs unpacked."""
    total = 0
    with _replaced(archive) as out, tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as tar:
        for path in sorted(root.rglob("*")):
            info = tar.gettarinfo(str(path), str(path.relative_to(root.parent)))
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            if path.is_file() and not path.is_symlink():
                total += info.size
                with path.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)
    return total


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[io.BufferedWriter]:
    """Write a file that takes its place only when it is complete."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
