"""An interpreter for a machine that has none that fits: fetched there, or here and carried.

They are the relocatable builds that `uv` knows (python-build-standalone), for
the machine's own processor and C library.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from jupyter_remote_gpu.errors import AgentStartError
from jupyter_remote_gpu.protocol.steps import Step, Told
from jupyter_remote_gpu.uv_program import uv

from .packing import packed
from .probe import LATEST_PYTHON, LEAST_PYTHON, Probe, Python
from .visit import LOOK_SECONDS, Visit

_OURS = (sys.version_info[0], sys.version_info[1])
AGENT_PYTHON = _OURS if LEAST_PYTHON <= _OURS <= LATEST_PYTHON else (3, 12)
"""What an agent runs with where the machine has nothing that fits: what notebooks here run with,
so that their environments there can be made of it too."""
FETCH_SECONDS = 240.0
_MIRRORS = ("UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS_JSON_URL")
"""Where this computer is told to fetch interpreters from; machines are told the same."""

# A machine without internet is to find that out soon.
_FETCH = r"""
printf '%s\n' "$mark"
env {settings} UV_HTTP_CONNECT_TIMEOUT=5 UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=0 \
UV_CACHE_DIR={base}/cache/uv UV_PYTHON_INSTALL_DIR={base}/pythons \
{uv} --quiet --no-config python install --no-bin {version} </dev/null >/dev/null 2>&1
for file in {base}/pythons/cpython-{version}.*/bin/python{version}; do
  [ -x "$file" ] && "$file" -I -c 'import ctypes, ssl, zlib' 2>/dev/null &&
    printf '%s\n' "$file" && break
done
echo end=end
"""
_TRY = r"""
printf '%s\n' "$mark"
{python} -I -c 'import ctypes, ssl, sys, zlib; print("%d.%d" % sys.version_info[:2])' 2>&1
echo end=end
"""


def fetch_there(visit: Visit, found: Probe, tool: str, told: Told) -> Python | None:
    """Let the machine fetch an interpreter with `tool`, the uv there; None if it cannot. Blocks."""
    version = f"{AGENT_PYTHON[0]}.{AGENT_PYTHON[1]}"
    told(Step(f"fetching Python {version} there"))
    settings = [f"{name}={os.environ[name]}" for name in _MIRRORS if _is_web(name)]
    words = {
        "settings": shlex.join(settings),
        "base": shlex.quote(found.base),
        "uv": shlex.quote(tool),
        "version": version,
    }
    script = _FETCH
    for name, word in words.items():
        script = script.replace("{" + name + "}", word)
    lines = visit.lines(script, FETCH_SECONDS)
    if not lines:
        return None
    return Python(AGENT_PYTHON, lines[-1], str(Path(lines[-1]).parents[1]))


def carry_python(
    visit: Visit, found: Probe, version: tuple[int, int], cache: Path, told: Told
) -> Python:
    """Fetch an interpreter of `version` for the machine's platform here, and carry it. Blocks.

    Raises AgentStartError with uv's words if there is none, or it does not run
    there.
    """
    wanted = f"{version[0]}.{version[1]}"
    key = f"cpython-{wanted}-linux-{_libc_key(found)}"
    told(Step(f"fetching Python {wanted} for {_libc_key(found)}"))
    part = packed(cache, f"python-{key}", lambda root: _fetch(root, key))
    path = f"pythons/{key}"
    size = part.archive.stat().st_size
    done = 0

    def sent(count: int) -> None:
        nonlocal done
        done += count
        told(Step(f"sending Python {wanted}", done, size))

    visit.unpack(part.archive, found.base, path, sent)
    python = f"{found.base}/{path}/bin/python{wanted}"
    lines = visit.lines(_TRY.replace("{python}", shlex.quote(python)), LOOK_SECONDS)
    if lines != [wanted]:
        raise AgentStartError(
            f"the Python {wanted} that was carried to {visit.host} does not run there",
            hint="\n".join(lines or ()) or "It said nothing.",
        )
    return Python(version, python, f"{found.base}/{path}")


def _fetch(root: Path, key: str) -> None:
    """Have uv fetch the interpreter of that key, and move it into `root`."""
    with tempfile.TemporaryDirectory(dir=root.parent) as apart:
        # `--quiet` would keep back why it failed, too
        command = [uv(), "--no-progress", "--color", "never", "python", "install", "--no-bin"]
        command += ["--install-dir", apart, key]
        ran = subprocess.run(
            command, cwd=apart, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        made = [p for p in Path(apart).glob("cpython-*") if (p / "bin").is_dir()]
        whole = [p for p in made if not p.is_symlink()]
        if ran.returncode or not whole:
            raise AgentStartError(
                f"{key} could not be fetched here, to be carried to the machine",
                hint=_last(ran.stderr) or "Is this computer connected to the internet?",
            )
        for path in list(whole[0].iterdir()):
            path.rename(root / path.name)


def _libc_key(found: Probe) -> str:
    return f"{found.processor}-{'musl' if found.libc[0] == 'musl' else 'gnu'}"


def _is_web(name: str) -> bool:
    return os.environ.get(name, "").startswith("http")


def _last(words: str) -> str:
    """Return the innermost of uv's reasons; it prints them as a chain."""
    reasons = re.findall(r"^\s*(?:error:|[Cc]ause(?:d by)?:|├─▶|╰─▶)\s*(.+)$", words, re.MULTILINE)
    return reasons[-1] if reasons else words.strip()
