"""A stock jupyter_server behind `ssh -N -L`: how remote kernels are reached without us.

Run as a module it is that server: it prints its port and becomes `jupyter_server`.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
import uuid
from typing import Any

from tests.lab.lab import Lab

from .far import TOKEN, Served, Tunnel
from .kernel import CellFailedError, Ran

START_SECONDS = 60.0
_HEADERS = {"Authorization": f"token {TOKEN}"}


class StockServer:
    """One kernel of a stock server on the lab's machine; `close` ends both."""

    def __init__(self, lab: Lab) -> None:
        self._served = Served(lab, "-m", "benchmarks.stock_server")
        self._tunnel = Tunnel(lab, self._served.port)
        try:
            self._kernel = self._start_kernel()
            self._line = self._connect()
        except BaseException:
            self.close()
            raise

    def run(self, code: str) -> Ran:
        """Run a cell until its reply and its `idle` are here."""
        ran, request = Ran(), uuid.uuid4().hex
        header = {"msg_id": request, "msg_type": "execute_request", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = {
            "channel": "shell",
            "header": {**header, "username": "", "session": self._kernel},
            "parent_header": {},
            "metadata": {},
            "content": content,
        }
        started = time.perf_counter()
        self._line.send(json.dumps(message))
        left = {"reply", "idle"}
        while left:
            heard: dict[str, Any] = json.loads(self._line.recv())
            if heard["parent_header"].get("msg_id") != request:
                continue
            if heard["msg_type"] == "execute_reply":
                left.discard("reply")
                ran.error = "" if heard["content"]["status"] == "ok" else code
            elif heard["msg_type"] == "status" and heard["content"]["execution_state"] == "idle":
                left.discard("idle")
        ran.seconds = time.perf_counter() - started
        if ran.error:
            raise CellFailedError(f"{code!r} failed on the stock server")
        return ran

    def close(self) -> None:
        """End the server, its kernel and the tunnel."""
        self._tunnel.close()
        self._served.close()

    def _start_kernel(self) -> str:
        """Ask until the server listens, then start a kernel; return its id."""
        deadline = time.monotonic() + START_SECONDS
        while (kernel := self._attempt()) is None:
            if time.monotonic() > deadline:
                raise CellFailedError("the stock server did not answer")
            time.sleep(0.1)
        return kernel

    def _attempt(self) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._served.port)
        connection.sock = self._tunnel.connect()
        try:
            connection.request("POST", "/api/kernels", "{}", _HEADERS)
            return str(json.loads(connection.getresponse().read())["id"])
        except (ConnectionError, http.client.HTTPException):
            return None  # it does not listen yet
        finally:
            connection.close()

    def _connect(self) -> Any:
        import websocket

        line: Any = websocket.WebSocket()
        url = f"ws://127.0.0.1:{self._served.port}/api/kernels/{self._kernel}/channels"
        headers = [f"{key}: {value}" for key, value in _HEADERS.items()]
        line.connect(url, header=headers, socket=self._tunnel.connect())
        return line


def main() -> None:
    """Become a server on a free port of the loopback address; the token is in the environment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    print(port, flush=True)
    options = [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0"]
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", *options]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
