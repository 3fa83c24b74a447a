"""A web server for downloads that goes wrong on demand, and parts of jobs that use it."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.agent.datasets.job import Link

PIECE_BYTES = 1 << 16


@dataclass
class Asked:
    """One request that came: its path, its Range and its Authorization."""

    path: str
    range: str
    authorization: str


@dataclass
class Kept:
    """One file that is served, and how it misbehaves.

    `drops`: how many bytes each of the next answers sends before the connection
    breaks. `statuses`: what the next answers say in the place of the file.
    """

    data: bytes
    tag: str = '"1"'
    ranges: bool = True
    measured: bool = True
    drops: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    moved: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None


class Server:
    """Serves `files` by path; a path's query must be in `signatures`, if there are any."""

    def __init__(self) -> None:
        self.files: dict[str, Kept] = {}
        self.signatures: set[str] = set()
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"served": self})
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def root(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def put(self, path: str, data: bytes, **how: Any) -> Kept:
        """Serve a file."""
        kept = self.files[path] = Kept(data, **how)
        return kept

    def link(self, path: str, **how: Any) -> Link:
        """Return a link to a file."""
        return Link(f"{self.root}/{path}", **how)

    def ranges(self, path: str) -> list[str]:
        """Return the Range headers of the requests for a file, in order."""
        return [one.range for one in self.asked if one.path == path]

    def close(self) -> None:
        """End the server."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def note(self, asked: Asked) -> None:
        """Remember a request."""
        with self._lock:
            self.asked.append(asked)


class _Handler(http.server.BaseHTTPRequestHandler):
    served: Server
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path, _, query = self.path.lstrip("/").partition("?")
        wanted = self.headers.get("Range", "")
        self.served.note(Asked(path, wanted, self.headers.get("Authorization", "")))
        kept = self.served.files.get(path)
        if kept is not None:
            kept.before()
        if kept is None:
            self._refuse(404, "<Error>NoSuchKey</Error>")
        elif self.served.signatures and query not in self.served.signatures:
            self._refuse(403, "<Error>Request has expired</Error>")
        elif kept.statuses:
            status = kept.statuses.pop(0)
            self._refuse(status, "<Error>in trouble</Error>", kept.headers)
        elif kept.moved:
            self._refuse(302, "", {"Location": kept.moved})
        else:
            self._serve(kept, wanted)

    def _refuse(self, status: int, words: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words.encode())

    def _serve(self, kept: Kept, wanted: str) -> None:
        start, end, size = 0, len(kept.data), len(kept.data)
        if_range = self.headers.get("If-Range")
        part = bool(wanted) and kept.ranges and if_range in (None, kept.tag)
        if part:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1 if last else size, size)
            if start >= size:
                self._refuse(416, "", {"Content-Range": f"bytes */{size}"})
                return
        self.send_response(206 if part else 200)
        if kept.tag:
            self.send_header("ETag", kept.tag)
        for name, value in kept.headers.items():
            self.send_header(name, value)
        if part:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        if kept.measured:
            self.send_header("Content-Length", str(end - start))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self._send(memoryview(kept.data)[start:end], kept.drops)

    def _send(self, data: memoryview, drops: list[int]) -> None:
        stop = drops.pop(0) if drops else len(data)
        try:
            self.wfile.write(data[:stop])
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            return
        if stop < len(data):
            self.close_connection = True


@contextmanager
def serving() -> Iterator[Server]:
    """A server for as long as the block runs."""
    server = Server()
    try:
        yield server
    finally:
        server.close()


def md5(data: bytes) -> dict[str, str]:
    """Return a file's digest as jobs have it."""
    return {"md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
