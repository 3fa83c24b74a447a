"""Kernel processes: started independent of the agent, found again, watched."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

POLL_SECONDS = 0.3
TERM_SECONDS = 3.0


def start_time(pid: int) -> str | None:
    """Return a mark that tells this process from a later one with its number, or None.

    On Linux field 22 of `/proc/PID/stat` (proc(5)); elsewhere what `ps` says.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        shown = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.strip() or None
    fields = text.rpartition(")")[2].split()
    # A zombie has ended; only its parent has not looked yet.
    return None if fields[0] == "Z" else fields[19]


class ProcessWatch:
    """Waits for a process to end, also one that another agent had started.

    `ended` gets the wait status of an own child, or what `status` says of a
    warm parent's; None for an adopted process.
    """

    def __init__(
        self,
        pid: int,
        child: bool,
        ended: Callable[[int | None], None],
        status: Callable[[], Awaitable[int | None]] | None = None,
    ) -> None:
        self._status = status
        self._pid = pid
        self._child = child
        self._mark = start_time(pid)
        self._task = asyncio.create_task(self._wait())
        self._ended = ended

    async def _wait(self) -> None:
        opened = _open_pidfd(self._pid)
        if opened is not None:
            loop = asyncio.get_running_loop()
            gone = asyncio.Event()
            loop.add_reader(opened, gone.set)
            try:
                await gone.wait()
            finally:
                loop.remove_reader(opened)
                os.close(opened)
        else:
            # Nothing on this system tells of the end of a process that is no child.
            while start_time(self._pid) == self._mark and self._mark is not None:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        found = _reap(self._pid) if self._child else None
        if self._status is not None:
            found = await self._status()
        self._ended(found)

    async def stop(self) -> None:
        """End the process and its children: SIGTERM, after `TERM_SECONDS` SIGKILL."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal_group(self._pid, number)
            done, _ = await asyncio.wait([self._task], timeout=TERM_SECONDS)
            if done:
                break
        # Children that ignored SIGTERM must not outlive their kernel.
        signal_group(self._pid, signal.SIGKILL)

    def cancel(self) -> None:
        """Stop watching; the process goes on. Called when the agent ends."""
        self._task.cancel()


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and its group, as a terminal would; gone is fine."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _reap(pid: int) -> int | None:
    """Return the wait status of a child that has ended; None if somebody else took it."""
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None


def _open_pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable at the process's end, where there is one."""
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return None
    try:
        opened: int = opener(pid)
    except OSError:
        return None
    return opened


def oom_kills() -> int | None:
    """Return how many processes the system killed for memory so far, or None if unknown.

    From the control group where there is one, else the whole machine's
    `oom_kill` of `/proc/vmstat`.
    """
    for path, field in (
        ("/sys/fs/cgroup/memory.events", "oom_kill "),
        ("/proc/vmstat", "oom_kill "),
    ):
        try:
            lines = Path(path).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(field):
                return int(line.split()[1])
    return None
