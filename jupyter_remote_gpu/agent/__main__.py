"""`python -m jupyter_remote_gpu.agent --home FOLDER`, the token on standard input.

Prints one JSON line: `{"state": "ready" | "running", "socket": …}`. `running`
means that another agent serves this home already; this one ends at once.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import signal
import sys
from pathlib import Path

from jupyter_remote_gpu.errors import RemoteGPUError

from .app import Agent
from .clearing import clear_old
from .home import AgentHome, open_home
from .workspaces import base_of


def main() -> int:
    """Serve until told to end; 1 with a message on standard error if that fails."""
    parser = argparse.ArgumentParser(prog="jupyter_remote_gpu.agent", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    arguments = parser.parse_args()
    token = sys.stdin.readline().strip()
    try:
        home = open_home(arguments.home)
    except (RemoteGPUError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lock = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say(home, "running")
        return 0
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    asyncio.run(_serve(home, token))
    return 0


async def _serve(home: AgentHome, token: str) -> None:
    agent = Agent(home, token)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.end)
    clearing: list[asyncio.Future[list[str]]] = []

    def ready() -> None:
        _say(home, "ready")
        root = Path(__file__).resolve().parents[2]
        clearing.append(loop.run_in_executor(None, clear_old, base_of(home), root))

    await agent.serve(ready)
    await asyncio.gather(*clearing)


def _say(home: AgentHome, state: str) -> None:
    """Print the one line; then let go of the pipes, which close at the other end."""
    sys.stdout.write(json.dumps({"state": state, "socket": str(home.socket)}) + "\n")
    sys.stdout.flush()
    log = os.open(home.home / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


if __name__ == "__main__":
    raise SystemExit(main())
