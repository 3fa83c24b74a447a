"""The Jupyter messages that an agent sends to its kernels, and where these listen.

An agent sends a handful of kinds with nothing in them but one of our messages as a
buffer, and reads no answer. `jupyter_client` can do that too; loading it was a third
of what an agent's start takes, for which a known machine's first cell waits.
"""

from __future__ import annotations

import hmac
import itertools
import json
import os
import secrets
from pathlib import Path

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
_DELIMITER = b"<IDS|MSG>"
_VERSION = "5.3"
"""Of the Jupyter messaging protocol."""
_EMPTY = b"{}"


def write_connection_file(path: Path, prefix: str) -> None:
    """Write, for its user alone, where a kernel is to listen: on sockets whose paths begin so."""
    found = {f"{channel}_port": number for number, channel in enumerate(CHANNELS, 1)}
    described = {
        **found,
        "transport": "ipc",
        "ip": prefix,
        "key": secrets.token_hex(16),
        "signature_scheme": "hmac-sha256",
        "kernel_name": "",
    }
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "w") as file:
        json.dump(described, file)


class KernelChannels:
    """Where one kernel listens, and what it takes for its agent's word. No I/O but reading a file.

    Raises OSError, ValueError or KeyError for a file that is none of `write_connection_file`.
    """

    def __init__(self, connection_file: Path) -> None:
        found = json.loads(connection_file.read_text())
        self._key = str(found["key"]).encode()
        self._prefix = str(found["ip"])
        self._ports = {channel: found[f"{channel}_port"] for channel in CHANNELS}
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    def address(self, channel: str) -> str:
        """Return the address of a channel, for ZMQ."""
        return f"ipc://{self._prefix}-{self._ports[channel]}"

    def signed(self, kind: str, buffer: bytes) -> list[bytes]:
        """Return the parts of a message of that kind, signed; a kernel takes each once."""
        header = {
            "msg_id": f"{self._session}_{next(self._numbers)}",
            "session": self._session,
            "username": "agent",
            "msg_type": kind,
            "version": _VERSION,
        }
        parts = [json.dumps(header).encode(), _EMPTY, _EMPTY, _EMPTY]
        signature = hmac.new(self._key, b"".join(parts), "sha256").hexdigest()
        return [_DELIMITER, signature.encode(), *parts, buffer]
