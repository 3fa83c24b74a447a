"""One question to uv: which versions fit together on a machine, and its answer or refusal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_remote_gpu.uv_program import uv

from .addresses import without_credentials
from .pip_settings import pip_settings
from .pylock import Package, read_pylock, write_pylock
from .target import Target
from .torch_build import FAMILY, Build

_NETWORK = re.compile(
    r"dns error|Connection refused|Connection reset|timed out|tcp connect error|Network is unreach"
    r"|client error \(Connect\)|HTTP status server error|error sending request"
    r"|network was disabled",
    re.IGNORECASE,
)
_REASON_LETTERS = 400
# Set for this computer by its user; they would change what another machine gets.
_NOT_FOR_THERE = ("UV_TORCH_BACKEND", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_CUDA_DRIVER_VERSION")


class RefusedError(Exception):
    """uv found no choice, or could not look. `text` is what it said, without passwords."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def network(self) -> bool:
        """Say whether an index could not be reached."""
        return _NETWORK.search(self.text) is not None

    @property
    def denied(self) -> bool:
        """Say whether an index wants a password that uv does not have."""
        return "authentication credentials" in self.text or "401 Unauthorized" in self.text

    @property
    def short(self) -> str:
        """Return the reason in a line or two."""
        text = re.sub(r"[×├└╰│─▶]+ ?", "", self.text)
        causes = re.findall(r"cause: (.*?)(?=\n  cause:|\n\n|\Z)", text, re.DOTALL)
        whole = " ".join((causes[0] if causes else text).split()).removeprefix("error: ")
        # The last step of a long proof is the one that names the user's own wishes.
        if len(whole) > _REASON_LETTERS:
            whole = "… " + whole[-_REASON_LETTERS:].partition(" ")[2]
        return whole


@dataclass(frozen=True, slots=True)
class Question:
    """What uv is asked.

    `sources` are files it reads itself; `lines` are requirements, `constraints` bind
    versions of what is needed anyway; `preferred` versions are taken where they fit.
    `wheels` is a folder of stand-ins for what an image provides. The flags say what may
    be used: building from source, pip's folders of packages, the network.
    """

    lines: tuple[str, ...]
    sources: tuple[Path, ...] = ()
    constraints: tuple[str, ...] = ()
    preferred: Mapping[str, str] = field(default_factory=dict)
    build: Build | None = None
    wheels: Path | None = None
    may_build: bool = False
    links: bool = False
    offline: bool = False
    dependencies: bool = True


def ask(question: Question, target: Target, folder: Path, work: Path) -> tuple[Package, ...]:
    """Return what uv chooses; blocks. Raises `RefusedError`. `work` is an empty folder.

    Addresses with passwords reach uv by its environment and its settings alone.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "needs.txt").write_text("\n".join(question.lines) + "\n")
    (work / "bounds.txt").write_text("\n".join(question.constraints) + "\n")
    output = work / "pylock.toml"
    # uv takes versions of an existing output where they fit: preferences.
    output.write_text(write_pylock(Package(n, v) for n, v in question.preferred.items() if v))
    ran = subprocess.run(
        _command(question, target, work, output),
        cwd=folder,
        env=_environ(question),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if ran.returncode:
        raise RefusedError(without_credentials(ran.stderr.strip() or ran.stdout.strip()))
    return read_pylock(output.read_text(), output.parent)


def _command(question: Question, target: Target, work: Path, output: Path) -> list[str]:
    python = f"{target.python[0]}.{target.python[1]}"
    command = [uv(), "pip", "compile", *map(str, question.sources), str(work / "needs.txt")]
    command += ["--constraints", str(work / "bounds.txt"), "--output-file", str(output)]
    command += ["--format", "pylock.toml", "--no-header", "--quiet", "--color", "never"]
    command += ["--python-platform", target.platform, "--python-version", python]
    command += ["--python", sys.executable, "--no-python-downloads"]
    if question.build is not None:
        command += ["--torch-backend", question.build.backend]
        for name in sorted(FAMILY):
            command += ["--no-sources-package", name]
    if question.wheels is not None:
        command += ["--find-links", str(question.wheels)]
    command += [] if question.may_build else ["--only-binary", ":all:"]
    command += ["--offline"] if question.offline else []
    command += [] if question.dependencies else ["--no-deps"]
    return command


def _environ(question: Question) -> dict[str, str]:
    environ = {k: v for k, v in os.environ.items() if k not in _NOT_FOR_THERE}
    environ |= pip_settings().environ(links=question.links)
    if question.build is not None:
        environ |= question.build.environ
    return environ
