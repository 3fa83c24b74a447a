"""What the client remembers of an agent on a machine, so that the next visit needs no look."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from jupyter_remote_gpu.transport.ssh.transport import RemoteAgent

from .bundle import Bundle
from .probe import Gpu, Probe, Python


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """Where an agent is and what its machine looked like; a value that JSON can hold.

    `base` is our folder there, `launch` the agent's start file, `python` the
    interpreter that runs it and `python_version` that one's, `bundle` what the
    agent was installed from. `ends_at_logout` says that the machine ends what
    a login leaves behind. The rest is what was found at the last look; `images`
    are the interpreters that have torch, the best first.
    """

    base: str
    launch: str
    python: str
    python_version: tuple[int, int]
    bundle: str
    platform: str
    driver: str | None = None
    gpus: tuple[Gpu, ...] = ()
    images: tuple[Python, ...] = ()

    @property
    def agent(self) -> RemoteAgent:
        """Return how the agent is run."""
        return RemoteAgent((self.python, "-I", "-S"), self.launch, f"{self.base}/home")

    def pack(self) -> dict[str, Any]:
        """Return this as JSON-able values."""
        return asdict(self)

    @classmethod
    def unpack(cls, fields: dict[str, Any]) -> KnownAgent | None:
        """Return what `pack` packed; None for what another version packed differently."""
        try:
            found = cls(**fields)
            major, minor = found.python_version
            gpus = tuple(Gpu(**gpu) for gpu in fields.get("gpus", ()))
            images = tuple(
                Python(**{**one, "version": tuple(one["version"])})
                for one in fields.get("images", ())
            )
            texts = (found.base, found.launch, found.python, found.bundle, found.platform)
        except (KeyError, TypeError, ValueError):
            return None
        if not all(isinstance(text, str) for text in texts):
            return None
        return replace(found, python_version=(int(major), int(minor)), gpus=gpus, images=images)


def known_agent(found: Probe, wanted: Bundle, python: Python) -> KnownAgent:
    """Return what is to be remembered of an agent of `wanted` that `python` runs."""
    return KnownAgent(
        base=found.base,
        launch=f"{found.base}/agents/{wanted.name}/jupyter_remote_gpu/agent/launch.py",
        python=python.path,
        python_version=python.version,
        bundle=wanted.name,
        platform=found.platform,
        driver=found.driver,
        gpus=found.gpus,
        images=found.with_torch(),
    )
