"""What packages are locked for: the machine's platform, Python, GPU driver and image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """A machine as a resolver sees it.

    `platform` is as `uv pip --python-platform` names it; `python` is (major, minor).
    `driver` is "cuda 550.54.14", "rocm 6.2", "rocm gfx942", or None where there is
    no GPU. `provided` holds {distribution: version} of the image's Python if the
    environment is layered over it; empty for an environment of its own.
    """

    platform: str
    python: tuple[int, int]
    driver: str | None = None
    provided: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return a text that is equal for machines for which the same lock is right."""
        provided = sorted(self.provided.items())
        return json.dumps([self.platform, *self.python, self.driver, provided])

    @property
    def words(self) -> str:
        """Return the platform in words for messages, such as "Linux x86_64, Python 3.11"."""
        processor = self.platform.partition("-")[0]
        libc = " with musl" if self.platform.endswith("musl") else ""
        return f"Linux {processor}{libc}, Python {self.python[0]}.{self.python[1]}"
