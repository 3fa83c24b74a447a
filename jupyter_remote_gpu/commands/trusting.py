"""Whether an added machine is trusted: what may come back from it."""

from __future__ import annotations

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines import EMBEDDED_NAME
from jupyter_remote_gpu.machines.registry import Registry


def set_trust(registry: Registry, name: str, *, trusted: bool) -> bool:
    """Remember whether a machine is trusted; return whether that changed anything.

    Raises RequestError for the embedded machine, UnknownMachineError for one that was
    not added. Sessions that are going on keep what they began with.
    """
    if name == EMBEDDED_NAME:
        raise RequestError(
            "whether the embedded machine is trusted is a setting",
            hint="c.RemoteGPU.trusted, or JUPYTER_REMOTE_GPU_TRUSTED=0.",
        )
    before = registry.find(name)
    registry.change(name, trusted=trusted, scripts=before.scripts and trusted)
    return before.trusted != trusted


def trust_words(trusted: bool) -> str:
    """Return in words what trust means."""
    return "trusted" if trusted else "not trusted: only data comes back from it"
