"""Outliving the login: where the system ends what a user leaves behind, the agent starts apart.

systemd's logind may be told to end all processes of a login when it ends
(`KillUserProcesses`), however they were started. What belongs to the user's
own service manager is spared, for as long as that runs: always, where the user
"lingers", else while he is logged in at all.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ASK_SECONDS = 5.0
_SESSION = re.compile(r"/session-[^/]*\.scope")
_HINT = "`loginctl enable-linger`, run by an administrator, would let it go on."


@dataclass(frozen=True, slots=True)
class Way:
    """How the agent is started: words before its command, and what the user should know."""

    wrapper: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def outliving() -> Way:
    """Return how a process is started so that it stays when this login ends. May block a second.

    Nothing is asked where logins are not watched over by systemd.
    """
    if not (_in_session() and _asked("loginctl", "show-session", "--property=KillUserProcesses")
            .endswith("=yes")):  # fmt: skip
        return Way()
    user = getpass.getuser()
    if not _lingers(user):
        # allowed to users themselves by default; where it is not, the note below says so
        _asked("loginctl", "enable-linger")
    bus = f"XDG_RUNTIME_DIR=/run/user/{os.getuid()}"
    scope = ("env", bus, "systemd-run", "--user", "--scope", "--quiet", "--collect")
    if not _works(*scope, "true"):
        return Way(notes=(
            f"the machine ends all programs of {user} when he logs out (KillUserProcesses=yes),"
            f" and systemd-run cannot be used to be spared: what runs there ends when the"
            f" connection does. {_HINT}",
        ))  # fmt: skip
    # what it runs is not to rely on a folder that goes away with the last login
    wrapper = (*scope, "env", "-u", "XDG_RUNTIME_DIR")
    if _lingers(user):
        return Way(wrapper)
    return Way(wrapper, (
        f"the machine ends all programs of {user} when his last login there ends"
        f" (KillUserProcesses=yes, and he may not linger): what runs there ends then. {_HINT}",
    ))  # fmt: skip


def _in_session() -> bool:
    """Whether this process belongs to a login that systemd keeps account of."""
    try:
        return _SESSION.search(Path("/proc/self/cgroup").read_text()) is not None
    except OSError:
        return False


def _lingers(user: str) -> bool:
    return _asked("loginctl", "show-user", user, "--property=Linger").endswith("=yes")


def _asked(*command: str) -> str:
    """Return what a command prints; empty where there is none or it fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=ASK_SECONDS
        )
    except subprocess.TimeoutExpired:
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""


def _works(*command: str) -> bool:
    try:
        ran = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0
