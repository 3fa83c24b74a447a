"""Stopping a run: Ctrl-C first, and where a script does not end by that, its process."""

from __future__ import annotations

import asyncio

from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.asking import asking
from jupyter_remote_gpu.session.client import AgentClient
from jupyter_remote_gpu.transport.base import Transport

from .runs import FoundRun

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.25


async def stop_run(way: Transport, run: FoundRun) -> bool:
    """Stop a run that goes on; return whether it had to be killed. Called in an event loop.

    A notebook's cell is interrupted and not waited for. Raises what asking raises.
    """
    async with asking(way) as client:
        await client.request(messages.Interrupt, kernel=run.kernel)
        if not run.script:
            return False
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if not await _goes_on(client, run):
                return False
            await asyncio.sleep(LOOK_SECONDS)
        await client.request(messages.StopKernel, kernel=run.kernel)
        return True


async def _goes_on(client: AgentClient, run: FoundRun) -> bool:
    records = (await client.request(messages.ListRuns, kernel=run.kernel))["runs"]
    return any(r["run"] == run.record["run"] and r["status"] == "running" for r in records)
