"""Putting a bundle on a machine, in one step that is whole or not at all."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from pathlib import Path

from jupyter_remote_gpu.errors import AgentStartError, ConnectionLostError, DiskFullError
from jupyter_remote_gpu.transport.ssh.channel import SSHTarget, open_channel
from jupyter_remote_gpu.transport.ssh.transport import RemoteAgent

from .bundle import Bundle
from .probe import Probe, Python

PIECE_BYTES = 1 << 16
STALL_SECONDS = 60.0
MARGIN_BYTES = 64 << 20
Progress = Callable[[int, int], None]
"""Called with (bytes sent, bytes in all)."""

_UNPACK = r"""
printf '%s\n' "$mark"
cd {agents} 2>/dev/null || { mkdir -p {agents} && cd {agents}; } || exit 3
new=.new-$$
rm -rf .new-* 2>/dev/null
mkdir "$new" || exit 3
if gzip -dc | tar xf - -C "$new" && [ -f "$new"/{name}/jupyter_remote_gpu/agent/launch.py ]; then
  mv "$new"/{name} {name} 2>/dev/null
  rm -rf "$new"
  [ -d {name} ] && echo done
else
  rm -rf "$new"
  exit 4
fi
"""


def installed(found: Probe, wanted: Bundle, python: Python) -> RemoteAgent:
    """Return where the agent of `wanted` is, or will be, on the machine."""
    root = f"{found.base}/agents/{wanted.name}"
    return RemoteAgent(
        python=(python.path, "-I", "-S"),
        launch=f"{root}/jupyter_remote_gpu/agent/launch.py",
        home=f"{found.base}/home",
    )


def install(
    target: SSHTarget, found: Probe, wanted: Bundle, progress: Progress | None = None
) -> None:
    """Carry `wanted` over and unpack it; blocks. A bundle that is there already costs nothing.

    Raises DiskFullError before anything is sent if it cannot fit, AgentStartError
    with the machine's own words if it could not be unpacked.
    """
    if wanted.name in found.agents:
        return
    if found.free < wanted.unpacked_bytes + MARGIN_BYTES:
        raise DiskFullError(
            f"{target.host} has {found.free >> 20} MB free in {found.base}, and the agent needs"
            f" {(wanted.unpacked_bytes + MARGIN_BYTES) >> 20} MB",
            hint="Make room there, or set XDG_DATA_HOME to a folder on another disk.",
        )
    agents = shlex.quote(f"{found.base}/agents")
    script = _UNPACK.replace("{agents}", agents).replace("{name}", wanted.name)
    channel = open_channel(target, script)
    try:
        channel.socket.settimeout(STALL_SECONDS)
        _send(channel.socket, wanted.archive, progress)
        said = channel.read_line(1 << 10)
        if said.strip() != b"done":
            status = channel.process.wait()
            raise AgentStartError(
                f"the agent could not be unpacked on {target.host} (status {status})",
                hint=channel.said() or "Is the disk full, or a quota reached?",
            )
    except TimeoutError as error:
        raise ConnectionLostError(
            f"{target.host} took nothing for {STALL_SECONDS:.0f} s while it was sent the agent",
            hint="Try again: what was sent so far is thrown away, nothing is half installed.",
        ) from error
    finally:
        channel.close()


def _send(opened: socket.socket, archive: Path, progress: Progress | None) -> None:
    """Send a file and the end of the input; a machine that stops reading says why by itself."""
    total, done = archive.stat().st_size, 0
    with archive.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            try:
                opened.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                return
            done += len(piece)
            if progress is not None:
                progress(done, total)
    opened.shutdown(socket.SHUT_WR)
