"""Running `uv` on the machine: its words become steps, and on failure a short reason."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.errors import DiskFullError
from jupyter_remote_gpu.protocol.steps import Step, Told
from jupyter_remote_gpu.uv_program import uv

LOOK_SECONDS = 0.5
LONGEST_REASON = 800
MEGABYTE = 1_000_000
_ROOT = Path(__file__).resolve().parents[2]
_FULL = re.compile(r"os error (28|122)\b|No space left on device|Disk quota exceeded")
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")
_SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_DROPPED = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PYTHON")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of uv ended: its status and its last words without passwords."""

    status: int
    words: str

    @property
    def reason(self) -> str:
        """What uv says went wrong, in short."""
        lines = self.words.splitlines()
        first = next((n for n, line in enumerate(lines) if re.match(r"error: |\s+×", line)), 0)
        return "\n".join(lines[first:]).strip()[:LONGEST_REASON]


@dataclass(frozen=True, slots=True)
class Uv:
    """The program with its folders: the cache that all workspaces share, and the Pythons."""

    base: Path

    @property
    def cache(self) -> Path:
        """Where uv keeps what it fetched; places in a lock are relative to it."""
        return self.base / "cache" / "uv"

    async def run(
        self, arguments: Sequence[str], doing: str, told: Told, held: Sequence[int] = ()
    ) -> Ended:
        """Run uv to its end; `doing` begins each step, `held` are descriptors it keeps open.

        Cancelled, it ends uv too. Raises DiskFullError with both numbers, and
        AgentStartError where there is no uv.
        """
        free = shutil.disk_usage(self.base).free
        process = await asyncio.create_subprocess_exec(
            uv_path(),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._environ(os.environ),
            cwd=self.base,
            pass_fds=held,
        )
        said: list[str] = []
        watching = asyncio.create_task(_watch(process.pid, doing, said, told))
        try:
            assert process.stderr is not None
            while line := await process.stderr.readline():
                said.append(_PASSWORD.sub("", line.decode(errors="replace")).rstrip())
            status = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        finally:
            watching.cancel()
        ended = Ended(status, "\n".join(said))
        if status and _FULL.search(ended.words):
            raise DiskFullError(
                f"the disk filled up while {doing}: {free // MEGABYTE} MB were free in"
                f" {self.base}, {shutil.disk_usage(self.base).free // MEGABYTE} MB are now",
                hint="Make room there (`%remote_gpu clean` shows what of ours can go), then run"
                " the cell again.",
            )
        return ended

    def take_in(self, carried: Path) -> None:
        """Move files that a client carried into the cache; what is there already stays. Blocks."""
        for folder, inner, names in os.walk(carried):
            # By name: what uv's entries point at (archive-v…) is there before they are.
            inner.sort()
            place = self.cache / Path(folder).relative_to(carried)
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            links = [name for name in inner if os.path.islink(Path(folder) / name)]
            for name in (*names, *links):
                if not os.path.lexists(place / name):
                    os.replace(Path(folder) / name, place / name)
        shutil.rmtree(carried, ignore_errors=True)

    def _environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in environ.items() if name not in _DROPPED}
        if any(os.path.exists(path) for path in _SYSTEM_CERTIFICATES):
            # a firm's or a proxy's own certificate is known to the system, not to uv
            kept.setdefault("UV_SYSTEM_CERTS", "1")
        return {
            **kept,
            "UV_CACHE_DIR": str(self.cache),
            "UV_PYTHON_INSTALL_DIR": str(self.base / "pythons"),
            "UV_LINK_MODE": "hardlink",
            "UV_NO_PROGRESS": "1",
            "UV_NO_MODIFY_PATH": "1",
            "NO_COLOR": "1",
        }


def uv_path() -> str:
    """Return the uv that came with the agent, else one that is installed."""
    carried = _ROOT / "bin" / "uv"
    return str(carried) if os.access(carried, os.X_OK) else uv()


async def _watch(pid: int, doing: str, said: Sequence[str], told: Told) -> None:
    """Tell every half second what uv is at, and how much it has written."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        begun = dict.fromkeys(_names(said, r"Downloading (\S+) \((\S+)\)"))
        for name in _names(said, r"\s*Downloaded (\S+)()"):
            begun = {one: None for one in begun if not one.startswith(f"{name} ")}
        parts = [doing]
        if begun:
            parts.append(f"downloading {', '.join(list(begun)[:3])}")
        written = _written(pid)
        if written > MEGABYTE:
            parts.append(f"{written // MEGABYTE} MB unpacked")
        told(Step("; ".join(parts)))


def _names(said: Sequence[str], pattern: str) -> list[str]:
    found = (re.fullmatch(pattern, line) for line in said)
    return [f"{one[1]} {one[2]}".strip() for one in found if one is not None]


def _written(pid: int) -> int:
    """Return how many bytes a process has written; 0 where the system does not tell."""
    try:
        fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        return int(fields["wchar"])
    except (OSError, ValueError, KeyError):
        return 0
