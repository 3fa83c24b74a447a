"""What kind of machine this is: for the status, and for whoever chooses a machine."""

from __future__ import annotations

import asyncio
import getpass
import os
import platform
import secrets
import shutil
from pathlib import Path
from typing import Any

GPU_QUERY = "name,memory.total,memory.used,utilization.gpu"
GPU_SECONDS = 5.0


def machine_facts() -> dict[str, Any]:
    """Return what does not change while the agent lives; JSON-able, quick."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return {
        "host": platform.node(),
        "user": user,
        "system": platform.platform(),
        "python": platform.python_version(),
        "cpus": os.cpu_count() or 1,
        "pid": os.getpid(),
        # this very process: another agent remembers none of a client's requests
        "agent": secrets.token_hex(8),
    }


async def machine_state(home: Path) -> dict[str, Any]:
    """Return what changes: memory and disk in bytes, GPUs with use. May take a second."""
    disk = shutil.disk_usage(home)
    state: dict[str, Any] = {"disk_total": disk.total, "disk_free": disk.free}
    state.update(machine_memory())
    state["gpus"] = await _gpus()
    return state


def machine_memory() -> dict[str, int]:
    """Return `memory_total` and `memory_free` in bytes; empty where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return {
            "memory_total": int(lines["MemTotal"].split()[0]) * 1024,
            "memory_free": int(lines["MemAvailable"].split()[0]) * 1024,
        }
    except (OSError, KeyError, ValueError):
        return {}


async def _gpus() -> list[dict[str, Any]]:
    """Ask `nvidia-smi`; an empty list where there is none or it does not answer."""
    if shutil.which("nvidia-smi") is None:
        return []
    process = await asyncio.create_subprocess_exec(
        "nvidia-smi",
        f"--query-gpu={GPU_QUERY}",
        "--format=csv,noheader,nounits",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), GPU_SECONDS)
    except asyncio.TimeoutError:
        process.kill()
        return []
    found = []
    for line in out.decode(errors="replace").splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 4:
            names = ("name", "memory_total_mb", "memory_used_mb", "use_percent")
            found.append(dict(zip(names, cells, strict=True)))
    return found
