"""The first look at a machine: one plain shell script, nothing is changed there.

It needs `/bin/sh` and what POSIX has; what else a machine lacks (Python, curl,
tar) is found out here and told in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jupyter_remote_gpu.errors import AgentStartError
from jupyter_remote_gpu.transport.ssh.channel import SSHTarget, run_script

PROBE_SECONDS = 30.0
LEAST_PYTHON = (3, 10)
LATEST_PYTHON = (3, 13)
_PROBE = r"""
printf '%s\n' "$mark"
say() { printf '%s=%s\n' "$1" "$2"; }
say system "$(uname -s)"
say processor "$(uname -m)"
say libc "$( (getconf GNU_LIBC_VERSION || ldd --version) 2>&1 | head -n 1)"
say clock "$(date +%s)"
say home "$HOME"
say shell "$SHELL"
for tool in tar gzip; do command -v $tool >/dev/null 2>&1 || say lacks $tool; done
for base in "${XDG_DATA_HOME:-$HOME/.local/share}" "$HOME" /var/tmp; do
  folder=$base/jupyter_remote_gpu
  [ "$base" = /var/tmp ] && folder=/var/tmp/jupyter_remote_gpu-$(id -u)
  why=
  if ! mkdir -p "$folder" 2>/dev/null || ! chmod 700 "$folder" 2>/dev/null; then why='not writable'
  else
    try=$folder/.try-$$
    if ! { printf '#!/bin/sh\nexit 0\n' >"$try" && chmod 700 "$try"; } 2>/dev/null; then
      why='not writable'
    elif ! "$try" 2>/dev/null; then why='programs cannot be run from there (noexec)'
    fi
    rm -f "$try"
  fi
  if [ -n "$why" ]; then say unusable "$folder: $why"; continue; fi
  say base "$folder"
  say free "$(df -Pk "$folder" | awk 'NR == 2 { print $4 }')"
  ls "$folder/agents" 2>/dev/null | while read -r name; do say agent "$name"; done
  ls "$folder/pythons" 2>/dev/null | while read -r name; do say own_python "$name"; done
  break
done
for name in python3.13 python3.12 python3.11 python3.10 python3 python; do
  found=$(command -v $name 2>/dev/null) || continue
  say python "$("$found" -I -c 'import ctypes, sqlite3, ssl, sys
print("%d.%d" % sys.version_info[:2], sys.executable)' 2>/dev/null)"
done
command -v nvidia-smi >/dev/null 2>&1 &&
  nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null |
  while read -r line; do say gpu "$line"; done
say end end
"""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter of the machine."""

    version: tuple[int, int]
    path: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. `libc` is ("glibc", 2, 36) or ("musl", 1, 2); sizes in bytes."""

    system: str
    processor: str
    libc: tuple[str, int, int]
    clock: int
    base: str
    free: int
    agents: tuple[str, ...] = ()
    pythons: tuple[Python, ...] = ()
    gpus: tuple[str, ...] = ()

    @property
    def platform(self) -> str:
        """Return the machine's platform as `uv pip --python-platform` names it."""
        kind, major, minor = self.libc
        if kind == "musl":
            return f"{self.processor}-unknown-linux-musl"
        fits = [m for m in (17, 28, 31, 34, 35, 36, 37, 38, 39, 40) if (2, m) <= (major, minor)]
        return f"{self.processor}-manylinux_2_{fits[-1]}"

    def python(self) -> Python | None:
        """Return the interpreter an agent can run with: the newest that is supported."""
        fit = [p for p in self.pythons if LEAST_PYTHON <= p.version <= LATEST_PYTHON]
        return max(fit, key=lambda p: p.version, default=None)


def probe(target: SSHTarget) -> Probe:
    """Look at the machine; blocks. Raises what connecting raises, and `AgentStartError`
    for a machine that can never be used, with the reason.
    """
    status, output, errors = run_script(target, _PROBE, seconds=PROBE_SECONDS)
    found: dict[str, list[str]] = {}
    for line in output.decode(errors="replace").splitlines():
        key, _, value = line.partition("=")
        if value:
            found.setdefault(key, []).append(value)
    if "end" not in found:
        raise AgentStartError(
            f"{target.host} could not be looked at: its shell ended with status {status}",
            hint=errors or "Log in by hand and see whether a plain `/bin/sh` works there.",
        )
    return _read(target.host, found)


def _read(host: str, found: dict[str, list[str]]) -> Probe:
    system, processor = found.get("system", [""])[0], found.get("processor", [""])[0]
    if system != "Linux":
        raise AgentStartError(
            f"{host} runs {system or 'an unknown system'}; machines must run Linux",
            hint="On Windows, WSL is a Linux that works.",
        )
    if "base" not in found:
        raise AgentStartError(
            f"there is no folder on {host} that could be used: {'; '.join(found['unusable'])}",
            hint="Set XDG_DATA_HOME there to a folder of yours on a disk that allows programs.",
        )
    if "lacks" in found:
        raise AgentStartError(
            f"{host} has no {' and no '.join(found['lacks'])}, which unpacking needs",
            hint="Ask whoever looks after the machine to install it.",
        )
    return Probe(
        system=system,
        processor={"arm64": "aarch64", "amd64": "x86_64"}.get(processor, processor),
        libc=_libc(host, found.get("libc", [""])[0]),
        clock=int(found.get("clock", ["0"])[0]),
        base=found["base"][0],
        free=1024 * int(found.get("free", ["0"])[0] or 0),
        agents=tuple(found.get("agent", ())),
        pythons=tuple(_pythons(found.get("python", []))),
        gpus=tuple(found.get("gpu", ())),
    )


def _libc(host: str, text: str) -> tuple[str, int, int]:
    version = re.search(r"(\d+)\.(\d+)", text)
    if "musl" in text:
        return ("musl", *_numbers(version)) if version else ("musl", 1, 2)
    if version is None:
        raise AgentStartError(
            f"the C library of {host} could not be told: {text or 'it has no getconf and no ldd'}",
            hint="Machines need glibc 2.17 or newer, or musl 1.2.",
        )
    major, minor = _numbers(version)
    if (major, minor) < (2, 17):
        raise AgentStartError(
            f"{host} has glibc {major}.{minor}, which is too old for today's packages",
            hint="glibc 2.17 (of 2012) is the oldest that works: a newer system is needed.",
        )
    return "glibc", major, minor


def _numbers(version: re.Match[str]) -> tuple[int, int]:
    return int(version[1]), int(version[2])


def _pythons(lines: list[str]) -> list[Python]:
    found: dict[str, Python] = {}
    for line in lines:
        version, _, path = line.partition(" ")
        match = re.fullmatch(r"(\d+)\.(\d+)", version)
        if match is not None and path:
            found[path] = Python(_numbers(match), path)
    return list(found.values())
