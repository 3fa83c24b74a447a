"""Which build of PyTorch fits a machine's driver; uv's own table decides."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .target import Target

FAMILY = frozenset({"torch", "torchvision", "torchaudio", "torchtext", "torchdata"})
"""They are built for each other: their versions and builds belong together."""
_ROCM = ("7.2", "7.1", "7.0", "6.4", "6.3", "6.2.4", "6.2", "6.1", "6.0", "5.7", "5.6")


@dataclass(frozen=True, slots=True)
class Build:
    """How uv is told which build to take: `backend` for it, and what it reads of the machine."""

    backend: str
    environ: dict[str, str] = field(default_factory=dict)


def build(target: Target) -> Build:
    """Return the build for a machine's driver: uv's choice for it, `cpu` without one."""
    kind, _, version = (target.driver or "").partition(" ")
    if kind == "cuda" and re.match(r"\d+", version):
        return Build("auto", {"UV_CUDA_DRIVER_VERSION": version})
    if kind == "rocm" and version.startswith("gfx"):
        return Build("auto", {"UV_AMD_GPU_ARCHITECTURE": version})
    if kind == "rocm":
        return Build(_nearest_rocm(version))
    return Build("cpu")


def _nearest_rocm(version: str) -> str:
    """Return the newest ROCm build that is not newer than what the machine has."""

    def number(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text))

    fit = [known for known in _ROCM if number(known) <= (number(version) or (6, 0)) + (99,)]
    return f"rocm{fit[0] if fit else _ROCM[-1]}"


def backend_of(version: str) -> str:
    """Return the build that a version's local part names (`2.5.1+cu124`); "" if it is none."""
    local = version.partition("+")[2]
    return local if re.fullmatch(r"cpu|cu\d+|rocm[\d.]+", local) else ""


def follows_torch(name: str) -> bool:
    """Say whether a package's version is decided by the build of torch that needs it."""
    return name.startswith(("nvidia-", "pytorch-triton", "cuda-")) or name == "triton"
