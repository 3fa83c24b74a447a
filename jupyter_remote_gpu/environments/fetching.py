"""The packages of a lock as files, for a machine that cannot fetch them by itself.

Each package is fetched by uv into a cache folder of its own: a *piece*. Pieces laid
over each other, in the machine's cache folder, are a cache in which its uv, of the
same version, finds all of them offline. So nothing here knows what uv keeps where,
and what was fetched for one project serves the next.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blake3 import blake3

from jupyter_remote_gpu.errors import NoIndexError, PackagesError
from jupyter_remote_gpu.protocol.steps import Step, Told
from jupyter_remote_gpu.replacing import replaced
from jupyter_remote_gpu.uv_program import uv, uv_version

from .addresses import without_credentials
from .asking import RefusedError
from .pip_settings import pip_settings
from .pylock import Package, read_pylock, write_pylock
from .target import Target

_AT_ONCE = 4
_COMPRESSION = 1
"""Libraries shrink to half at 100 MB/s, which is faster than most lines to a machine."""
_ARCHIVE_SECONDS = 86_400.0
_LEFT_OUT = ("builds-v", "interpreter-v", ".lock", ".gitignore", "CACHEDIR.TAG")
"""What uv keeps for this computer alone."""


def fetch(
    text: str,
    here: Mapping[str, str],
    target: Target,
    cache: Path,
    told: Told,
    have: Collection[str] = (),
) -> Path:
    """Return an archive (.tar.gz) of the packages of a lock's text, but for those in `have`.

    `here` says where files of this computer lie: {place below the cache: path}.
    Blocks. Raises `NoIndexError` and `PackagesError`.
    """
    packages = read_pylock(text, Path("/"))
    wanted = [one for one in packages if f"{one.name}=={one.version}" not in have]
    remote = [one for one in wanted if not one.only_here]
    pieces: list[Path] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for piece in pool.map(lambda one: _piece(one, target, cache), remote):
            pieces.append(piece)
            told(Step("fetching packages for the machine", len(pieces), len(remote)))
    local = {
        place: Path(path)
        for place, path in here.items()
        if any(place == file.where.lstrip("/") for one in wanted for file in one.files)
    }
    told(Step(f"packing {len(wanted)} packages for the machine"))
    return _pack(pieces, local, cache / "archives")


def _piece(one: Package, target: Target, cache: Path) -> Path:
    """Return the folder of one package's piece, fetched if it is not there yet."""
    text = write_pylock([one])
    built = all(file.kind == "sdist" for file in one.files) or one.vcs is not None
    # What is built depends on where it goes; a wheel is the same for all it fits.
    where = target.key if built else ""
    key = blake3(json.dumps([text, where, uv_version()]).encode()).hexdigest()[:24]
    place = cache / "pieces" / f"{one.name}-{key}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as work:
            _fetch(one, text, target, Path(work))
            for name in os.listdir(Path(work) / "cache"):
                if name.startswith(_LEFT_OUT):
                    _remove(Path(work) / "cache" / name)
            try:
                os.rename(Path(work) / "cache", place)
            except OSError:
                # Another notebook fetched it meanwhile; the two are alike.
                if not place.is_dir():
                    raise
    return place


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _fetch(one: Package, text: str, target: Target, work: Path) -> None:
    """Have uv fetch one package into a cache of its own; passwords come from its settings."""
    (work / "pylock.one.toml").write_text(text)
    python = f"{target.python[0]}.{target.python[1]}"
    command = [uv(), "pip", "install", "--preview-features", "pylock", "--quiet", "--no-deps"]
    command += ["--requirement", "pylock.one.toml", "--target", "into", "--cache-dir", "cache"]
    command += ["--python-platform", target.platform, "--python-version", python]
    command += ["--python", sys.executable, "--no-python-downloads", "--color", "never"]
    command += ["--link-mode", "symlink"]
    ran = subprocess.run(
        command,
        cwd=work,
        env={**os.environ, **pip_settings().environ(links=False)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if ran.returncode:
        refused = RefusedError(without_credentials(ran.stderr.strip()))
        if refused.network:
            raise NoIndexError(
                f"{one.name} {one.version} could not be fetched for the machine",
                hint=f"Is this computer connected? uv says: {refused.short}",
            )
        raise PackagesError(
            f"{one.name} {one.version} could not be made ready for {target.words}: {refused.short}",
            hint="A machine with internet can build it itself, if it has a compiler.",
        )


def _pack(pieces: Iterable[Path], local: Mapping[str, Path], folder: Path) -> Path:
    """Pack pieces and files of this computer, named by what they are; whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget_old(folder)
    chosen = sorted(pieces)
    names = [piece.name for piece in chosen] + sorted(local)
    archive = folder / f"{blake3(json.dumps(names).encode()).hexdigest()[:24]}.tar.gz"
    if archive.exists():
        os.utime(archive)
        return archive
    with (
        replaced(archive) as out,
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=_COMPRESSION, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as tar,
    ):
        packed: set[str] = set()
        for piece in chosen:
            _add(tar, piece, packed)
        for place, path in sorted(local.items()):
            tar.add(path, place, recursive=False, filter=_nobodys)
    return archive


def _add(tar: tarfile.TarFile, piece: Path, packed: set[str]) -> None:
    """Add what a piece holds; what two pieces hold goes in once."""
    for path in sorted(piece.rglob("*")):
        inner = path.relative_to(piece).as_posix()
        if inner not in packed and path.name != ".lock":
            packed.add(inner)
            tar.add(path, inner, recursive=False, filter=_nobodys)


def _nobodys(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who owns a file here."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _forget_old(folder: Path) -> None:
    """Delete archives of yesterday: the pieces stay, and packing is quick."""
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > _ARCHIVE_SECONDS:
            path.unlink(missing_ok=True)
