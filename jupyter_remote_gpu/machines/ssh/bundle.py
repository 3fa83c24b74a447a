"""What is carried to a machine so that an agent runs there: made here, for its platform, cached.

    agents/<name>/               named by all it is made from
      jupyter_remote_gpu/        this package's own files
      site -> ../../parts/…      what the agent imports besides, for its Python
      bin -> ../../parts/…       uv, which makes the environments of workspaces there
      alone/                     a link to the package and nothing else: what scripts import from

The parts change seldom and are large; an update of this package alone carries
only its own files. `uv` fetches wheels for the machine's platform and Python,
not for ours, and keeps them; a second machine of the same kind costs nothing.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

import jupyter_remote_gpu
from jupyter_remote_gpu.errors import AgentStartError
from jupyter_remote_gpu.uv_program import uv, uv_version

from .packing import Packed, packed

AGENT_NEEDS = (
    "blake3>=0.4",
    "cloudpickle>=2.2",
    "pyfastcdc>=0.3",
    "pyzmq>=22",
    "xxhash>=3.0",
)
"""What the agent, and the part of it inside kernels, imports. Kept equal to pyproject.toml."""
NAME_LETTERS = 16
OWN = Path(jupyter_remote_gpu.__file__).parent


@dataclass(frozen=True, slots=True)
class Bundle:
    """What an agent consists of, by name; nothing of it is made yet.

    `name`, `site` and `uv` say all that their contents depend on. `own` is the
    folder of this package's files.
    """

    name: str
    site: str
    uv: str
    platform: str
    python: tuple[int, int]
    own: Path = OWN

    @property
    def agent_path(self) -> str:
        """Where the agent lies, below our folder on the machine."""
        return f"agents/{self.name}"

    @property
    def uv_path(self) -> str:
        """Where the part with uv lies; it is uv for any Python."""
        return f"parts/{self.uv}"

    @property
    def paths(self) -> tuple[str, ...]:
        """All folders of the bundle, in the order in which they are to arrive."""
        return (self.uv_path, f"parts/{self.site}", self.agent_path)

    def packed(self, path: str, cache: Path) -> Packed:
        """Return the archive of one of `paths`, made if it is not cached. Blocks.

        Needs the package index the first time. Raises AgentStartError with uv's
        own words.
        """
        if path == self.uv_path:
            return packed(cache, self.uv, self._fill_uv)
        if path == self.agent_path:
            return packed(cache, f"agent-{self.name}", self._fill_own)
        return packed(cache, self.site, self._fill_site)

    def _fill_own(self, root: Path) -> None:
        for path in own_files(self.own):
            place = root / "jupyter_remote_gpu" / path.relative_to(self.own)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        os.symlink(f"../../parts/{self.site}", root / "site")
        os.symlink(f"../../parts/{self.uv}", root / "bin")
        (root / "alone").mkdir()
        os.symlink("../jupyter_remote_gpu", root / "alone" / "jupyter_remote_gpu")

    def _fill_site(self, root: Path) -> None:
        _install(root, self.platform, self.python, *AGENT_NEEDS)

    def _fill_uv(self, root: Path) -> None:
        wanted = f"uv=={uv_version()}"
        with tempfile.TemporaryDirectory(dir=root.parent) as apart:
            _install(Path(apart), _uv_platform(self.platform), self.python, wanted)
            shutil.move(Path(apart) / "bin" / "uv", root / "uv")


def bundle(platform: str, python: tuple[int, int], own: Path = OWN) -> Bundle:
    """Return the bundle for machines of `platform` whose agent runs with `python`; quick.

    `platform` is as `uv pip --python-platform` names it.
    """
    needs = blake3(f"{platform} {python} {AGENT_NEEDS}".encode()).hexdigest()
    site = f"site-{needs[:NAME_LETTERS]}"
    uv_part = f"uv-{uv_version()}-{_uv_platform(platform)}"
    digest = blake3(f"{site} {uv_part} {_own_digest(own)}".encode())
    return Bundle(digest.hexdigest()[:NAME_LETTERS], site, uv_part, platform, python, own)


def own_files(own: Path) -> list[Path]:
    """Return all files of this package, or of another version of it, that are its source."""
    return sorted(p for p in own.rglob("*") if p.is_file() and p.suffix != ".pyc")


@functools.cache
def _own_digest(own: Path) -> str:
    """Digest the package's files as they were when this process first asked."""
    digest = blake3()
    for path in own_files(own):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(own)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _uv_platform(platform: str) -> str:
    """Return the oldest platform of the same processor and kind of C library."""
    processor, _, system = platform.partition("-")
    return f"{processor}-{system if 'musl' in system else 'manylinux_2_17'}"


def _install(target: Path, platform: str, python: tuple[int, int], *needs: str) -> None:
    """Install wheels of another platform into a folder."""
    command = [uv(), "pip", "install", "--quiet", "--target", str(target)]
    command += ["--python-platform", platform, "--python-version", f"{python[0]}.{python[1]}"]
    command += ["--only-binary", ":all:", "--link-mode", "copy", *needs]
    # not in the notebook's folder: its project's settings are for its own packages
    ran = subprocess.run(
        command, cwd=target.parent, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if ran.returncode:
        raise AgentStartError(
            f"what the agent needs could not be fetched for {platform},"
            f" Python {python[0]}.{python[1]}",
            hint=ran.stderr.strip() or "Is this computer connected to the internet?",
        )
