"""A small web server for emulators: what was asked is kept, and faults can be switched on."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

_PIECE = 1 << 16
_LONGEST_SILENCE_SECONDS = 60.0
_PACING = 47  # SO_MAX_PACING_RATE, of which Python's socket has no name
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


@dataclass(frozen=True)
class Asked:
    """One request as it came. `path` is decoded; of a proxy's request the path alone."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        return dict(json.loads(self.body or b"{}"))

    @property
    def authorization(self) -> str:
        """Who asks, as sent; "" if nothing was."""
        return self.headers.get("authorization", "")

    @property
    def line(self) -> str:
        """The request in a line, for comparing: method, path, and the range asked for."""
        part = self.headers.get("range", "")
        return f"{self.method} {self.path}" + (f" {part}" if part else "")


@dataclass
class Reply:
    """What is sent back. A `body` has its length said; `of_head` is the length for a HEAD.

    A header of several lines is sent once a line.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    of_head: int | None = None


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """Return a reply that holds a JSON value."""
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, {"Content-Type": "application/json", **more}, json.dumps(value).encode())


def in_part(asked: Asked, whole: bytes, headers: Mapping[str, str]) -> Reply:
    """Return the bytes asked for: all, or those of `Range`, if `If-Range` is the ETag."""
    found = _RANGE.match(asked.headers.get("range", ""))
    if not found or asked.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        return Reply(200, dict(headers), whole, of_head=len(whole))
    first, last = found.groups()
    begin = int(first) if first else max(0, len(whole) - int(last))
    end = min(int(last), len(whole) - 1) if first and last else len(whole) - 1
    if begin >= len(whole):
        return Reply(416, {"Content-Range": f"bytes */{len(whole)}"})
    told = {**headers, "Content-Range": f"bytes {begin}-{end}/{len(whole)}"}
    return Reply(206, told, whole[begin : end + 1], of_head=end + 1 - begin)


@dataclass
class Drop:
    """After so many bytes of a body the connection ends, in order or with a reset."""

    match: str
    after: int
    reset: bool = False
    times: int = 1


class Faults:
    """What goes wrong, by what a request's line holds. Each fault is used up by its use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replies: list[tuple[str, Reply, int]] = []
        self._drops: list[Drop] = []
        self._holds: list[tuple[str, threading.Event]] = []

    def hold(self, match: str) -> threading.Event:
        """Have the next request whose line holds `match` wait for the event that is returned."""
        with self._lock:
            self._holds.append((match, threading.Event()))
            return self._holds[-1][1]

    def wait(self, line: str) -> None:
        """Be silent, if this request is to meet that."""
        with self._lock:
            one = next((hold for hold in self._holds if hold[0] in line), None)
            if one is not None:
                self._holds.remove(one)
        if one is not None:
            one[1].wait(_LONGEST_SILENCE_SECONDS)

    def answer(self, match: str, reply: Reply, times: int = 1) -> None:
        """Have the next `times` requests whose line holds `match` answered like this."""
        with self._lock:
            self._replies.append((match, reply, times))

    def drop(self, match: str, after: int, *, reset: bool = False, times: int = 1) -> None:
        """Have the next `times` bodies broken off after so many bytes."""
        with self._lock:
            self._drops.append(Drop(match, after, reset, times))

    def clear(self) -> None:
        """Switch off what was not used."""
        with self._lock:
            self._replies.clear()
            self._drops.clear()

    def reply_to(self, line: str) -> Reply | None:
        """Return the fault's reply to a request, and count it."""
        with self._lock:
            for at, (match, reply, times) in enumerate(self._replies):
                if match in line:
                    self._replies[at : at + 1] = [(match, reply, times - 1)] if times > 1 else []
                    return reply
        return None

    def drop_of(self, line: str, length: int) -> Drop | None:
        """Return where a body breaks off, and count it."""
        with self._lock:
            for one in self._drops:
                if one.match in line and one.times > 0 and length > one.after:
                    one.times -= 1
                    return one
        return None


class Emulator(ABC):
    """A server of its own origin on this computer; answers in any thread."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.port = 0
        self.pace = 0
        """So many bytes a second go over one connection; 0: as fast as it can."""
        self.behind: list[Emulator] = []
        """Others that are reached through this one by programs that take it for their proxy."""

    @property
    def url(self) -> str:
        """The origin it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """All requests so far, one line each."""
        return [asked.line for asked in self.asked]

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """Return the reply to a request."""

    def reply(self, asked: Asked) -> Reply:
        """Return the reply, which a fault may decide; the request is kept."""
        self.asked.append(asked)
        self.faults.wait(asked.line)
        return self.faults.reply_to(asked.line) or self.answer(asked)


@contextmanager
def serving(emulator: Emulator) -> Iterator[None]:
    """Serve until the end of the block."""
    server = _Server(("127.0.0.1", 0), _handler(emulator))
    emulator.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away: tests have them go away."""


def _handler(emulator: Emulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # What else waits for the other side's acknowledgement, 40 ms a request.
        disable_nagle_algorithm = True
        timeout = 30

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            parts = urlsplit(self.path)
            query = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            asked = Asked(self.command, unquote(parts.path), query, headers, body)
            meant = [one for one in emulator.behind if parts.netloc == urlsplit(one.url).netloc]
            self._send(asked, meant[0] if meant else emulator)

        def _send(self, asked: Asked, emulator: Emulator) -> None:
            reply = emulator.reply(asked)
            self.send_response(reply.status)
            length = len(reply.body)
            if asked.method == "HEAD" and reply.of_head is not None:
                length = reply.of_head
            for name, value in {"Content-Length": str(length), **reply.headers}.items():
                for line in value.split("\n"):
                    self.send_header(name, line)
            self.end_headers()
            if asked.method == "HEAD":
                return
            if emulator.pace:
                self.connection.setsockopt(socket.SOL_SOCKET, _PACING, emulator.pace)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)
            drop = emulator.faults.drop_of(asked.line, len(reply.body))
            body = memoryview(reply.body)[: drop.after if drop else None]
            for at in range(0, len(body), _PIECE):
                self.wfile.write(body[at : at + _PIECE])
            if drop:
                self._break_off(drop)

        def _break_off(self, drop: Drop) -> None:
            self.close_connection = True
            self.wfile.flush()
            if drop.reset:
                now = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            else:
                self.connection.shutdown(socket.SHUT_WR)

        do_GET = do_HEAD = do_POST = do_PUT = _serve

        def log_message(self, *args: object) -> None:
            """Print nothing."""

    return Handler
