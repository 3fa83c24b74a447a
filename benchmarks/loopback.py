"""Raw loopback TCP to a second process: the limit for moving an array on one computer.

Run as a module it is that process: it prints its port, then takes and gives bytes.
A request is a verb and a length; what was taken is acknowledged with one byte.
"""

from __future__ import annotations

import mmap
import socket
import struct
import subprocess
import sys
from types import TracebackType

from .place import ROOT

_REQUEST = struct.Struct("<4sQ")
_TAKE = b"take"
_GIVE = b"give"
_DONE = b"!"
SILENCE_SECONDS = 120.0


class Loopback:
    """The near end; both ends receive into memory that was not used before."""

    def __init__(self, line: socket.socket | None = None) -> None:
        """Take a connection to such a process, or start one when entered."""
        if line is not None:
            self._line = line

    def __enter__(self) -> Loopback:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.loopback"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self._line = socket.create_connection(("127.0.0.1", port), SILENCE_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._line.close()
        self._process.wait(SILENCE_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def push(self, data: memoryview) -> None:
        """Send `data` and wait until the other process has all of it."""
        self._line.sendall(_REQUEST.pack(_TAKE, len(data)))
        self._line.sendall(data)
        receive(self._line, memoryview(bytearray(len(_DONE))))

    def pull(self, length: int) -> memoryview:
        """Receive `length` bytes that the other process has ready; return them."""
        self._line.sendall(_REQUEST.pack(_GIVE, length))
        fresh = _fresh(length)
        receive(self._line, fresh)
        return fresh


def receive(line: socket.socket, target: memoryview) -> None:
    """Fill `target`; EOFError if the stream ends before."""
    while target:
        got = line.recv_into(target)
        if not got:
            raise EOFError("the other end of the loopback connection is gone")
        target = target[got:]


def _fresh(length: int) -> memoryview:
    """Return untouched memory, without the huge pages that numpy would ask for.

    In a virtual machine those can take four times as long to be filled.
    """
    return memoryview(mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def main() -> None:
    """Serve one connection to its end, or with the word `always` one after the other."""
    always = sys.argv[1:] == ["always"]
    with socket.create_server(("0.0.0.0" if always else "127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            line, _ = server.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(line)
            if not always:
                return


def serve(line: socket.socket) -> None:
    """Take and give what is asked for until the other end hangs up."""
    ready = b""
    header = bytearray(_REQUEST.size)
    with line:
        while True:
            try:
                receive(line, memoryview(header))
            except EOFError:
                return
            verb, length = _REQUEST.unpack(header)
            if verb == _TAKE:
                receive(line, _fresh(length))
                line.sendall(_DONE)
                continue
            if len(ready) != length:
                ready = b"\1" * length
            line.sendall(ready)


if __name__ == "__main__":
    main()
