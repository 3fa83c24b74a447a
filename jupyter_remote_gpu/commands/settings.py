"""The settings as plain values: what verbs need of the user's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What `config.RemoteGPU` says, read once by an entry point; its help texts explain each.

    `home`, `folder`, `python`, `wrapper` and `trusted` are the embedded machine's.
    """

    home: Path
    settings: Path
    cache: Path
    ssh: tuple[str, ...]
    folder: str
    python: str
    environment_python: str = ""
    torch: str = "auto"
    wrapper: tuple[str, ...] = field(default=())
    trusted: bool = True
    guard_bytes: int = 0
