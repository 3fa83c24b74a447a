"""What ssh's own words mean for the user: which error, and what to do about it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from jupyter_remote_gpu.errors import (
    AgentStartError,
    ConnectionLostError,
    HostKeyError,
    KeyRefusedError,
    MachineError,
    ServerBusyError,
    UnknownHostError,
    UnreachableError,
)

SSH_FAILED = 255
"""ssh's exit status for its own failures; others are the command's."""
USUAL_FILE = "/.ssh/known_hosts"

_MEANINGS: tuple[tuple[str, type[ConnectionLostError], str, str], ...] = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        HostKeyError,
        "the host key of {host} has changed: somebody may be in between, or the machine was set"
        " up anew. Nothing was sent",
        "If you know why it changed, `{forget_key}` forgets the old key; connect once by hand"
        " (`{by_hand}`) and compare the new one.",
    ),
    (
        "Host key verification failed|No .* host key is known",
        HostKeyError,
        "the host key of {host} is not known here, and a key is never accepted silently",
        "Connect once by hand (`{by_hand}`), compare the fingerprint it shows, and say yes. A"
        " configuration that takes any key does not count here; where you want that, `-o"
        " StrictHostKeyChecking=accept-new` behind `%remote_gpu add` says so for one machine.",
    ),
    (
        # the methods it would still take are in parentheses; no key would do
        r"Permission denied \((?!.*publickey)[^)]*\)",
        KeyRefusedError,
        "{host} lets nobody in with a key, and a password cannot be typed from a notebook",
        "Ask whoever looks after it to allow keys (`PubkeyAuthentication yes`).",
    ),
    (
        r"Permission denied|Too many authentication failures|no mutual signature",
        KeyRefusedError,
        "{host} refused the key that ssh offered",
        "Try `{by_hand}` by hand. A key with a passphrase must be in the ssh agent"
        " (`ssh-add`). If you log in with a password so far: `ssh-keygen` makes a key and"
        " `{copy_key}` puts it there.",
    ),
    (
        r"Could not resolve hostname|Name or service not known|nodename nor servname",
        UnknownHostError,
        "there is no host called {host}",
        "Check the name, and `~/.ssh/config` if it is one of yours.",
    ),
    (
        r"kex_exchange_identification|banner exchange: .*(?:reset|closed|invalid)"
        r"|Exceeded MaxStartups|Not allowed at this time|Connection reset by",
        ServerBusyError,
        "{host} turned the connection away: its server takes no more at this moment, or is just"
        " starting or ending",
        "Try again. Where many work on it, its MaxStartups setting may be too small.",
    ),
    (
        r"Session open refused|open failed",
        ConnectionLostError,
        "{host} let you in, but its SSH server allows no session",
        "Ask whoever looks after it whether your account may run commands (MaxSessions).",
    ),
    (
        r"Connection refused|No route to host|Network is unreachable|timed out|Host is down",
        UnreachableError,
        "{host} cannot be reached",
        "Is the machine on, and this computer in its network (VPN)?",
    ),
)


def refusal(host: str, status: int, words: str, ssh: Sequence[str] = ("ssh",)) -> MachineError:
    """Return the error for an ssh that ended with `status`, having said `words`.

    `ssh` is the program with what the user gave it for this host, a port perhaps:
    what he is told to try has that too.
    """
    advice = {
        "by_hand": shlex.join([*ssh, host]),
        "copy_key": shlex.join(["ssh-copy-id", *ssh[1:], host]),
        "forget_key": _forget_key(host, words),
    }
    for pattern, kind, message, hint in _MEANINGS:
        if re.search(pattern, words):
            said = f"{message.format(host=host)} (ssh: {_last_line(words)})"
            return kind(said, hint=hint.format(**advice))
    if status == SSH_FAILED:
        return UnreachableError(
            f"the connection to {host} ended: {_last_line(words) or 'ssh said nothing'}",
            hint=f"Try `{advice['by_hand']}` by hand.",
        )
    return AgentStartError(
        f"the shell on {host} ended with status {status}: {_last_line(words) or 'it said nothing'}",
        hint="Log in by hand and see whether a plain `/bin/sh` works there.",
    )


def _forget_key(host: str, words: str) -> str:
    """Return the command that forgets a host's key, in the file where ssh found it."""
    name = re.search(r"Host key for (\S+) has changed", words)
    file = re.search(r"Offending \S+ key in (.+):\d+", words)
    where = ["-f", file[1]] if file and not file[1].endswith(USUAL_FILE) else []
    return shlex.join(["ssh-keygen", "-R", name[1] if name else host.rpartition("@")[2], *where])


def _last_line(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return lines[-1].removeprefix("ssh: ") if lines else ""
