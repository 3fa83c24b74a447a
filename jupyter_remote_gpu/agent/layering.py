"""Laying an environment over an interpreter of the machine's image, whose packages it uses too."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.errors import EnvironmentBuildError

from .kernel.packages import distributions_in

ASK_SECONDS = 30.0
PTH = "_image.pth"
_ASK = """
import json, sys
folders = [p for p in sys.path if p.rstrip('/').endswith(('site-packages', 'dist-packages'))]
print(json.dumps([sys.prefix != sys.base_prefix, folders]))
"""


@dataclass(frozen=True, slots=True)
class Over:
    """What lies below: `by_system` if uv's own means see its packages, else the folders."""

    by_system: bool
    folders: tuple[str, ...]

    def distributions(self) -> dict[str, str]:
        """Return the packages that lie below, {name: version}, as their folders are named."""
        found: dict[str, str] = {}
        for folder in reversed(self.folders):
            found.update(distributions_in(Path(folder)))
        return found

    def write(self, environment: Path) -> None:
        """Let an environment that is made see the packages, behind its own."""
        if self.by_system:
            return
        lines = [f"import site; site.addsitedir({folder!r})" for folder in self.folders]
        (site_packages(environment) / PTH).write_text("\n".join(lines) + "\n")


async def lay_over(python: str) -> Over:
    """Ask an interpreter where its packages lie; EnvironmentBuildError if it does not answer.

    A virtual environment made with the interpreter of another is based on that
    one's base, not on it: its folders are then named one by one.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            python,
            "-I",
            "-c",
            _ASK,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(process.communicate(), ASK_SECONDS)
        in_environment, folders = json.loads(out)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        raise EnvironmentBuildError(
            f"the interpreter {python}, over which the environment was to be laid, does not answer",
            hint=str(error),
        ) from error
    return Over(not in_environment, tuple(str(folder) for folder in folders))


def site_packages(environment: Path) -> Path:
    """Return the folder of an environment's own packages."""
    return next((environment / "lib").glob("python*/site-packages"))
