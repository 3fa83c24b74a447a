"""Messages and chunks over one blocking byte stream, for either end of a state line.

No socket is imported here: any object with `sendall` and `recv_into` will do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, cast

from jupyter_remote_gpu.errors import ProtocolError

from . import frames, messages
from .frames import HEADER_BYTES, Buffer
from .version import MAGIC
from .window import Window

JOIN_BYTES = 1 << 16
FEW_CHUNKS = 2
"""For so many another thread is not worth its start."""
SILENCE_SECONDS = 120.0
"""Longest wait of a paced sender for word that something arrived."""
_WORD_SECONDS = 0.004
"""A receiver that paces its sender says about so often what it has."""


class ByteStream(Protocol):
    """What a line needs of a socket."""

    def sendall(self, data: Buffer, /) -> None:
        """Send all of `data`; may block."""
        ...

    def recv_into(self, buffer: memoryview, /) -> int:
        """Receive some bytes into `buffer`; 0 at the end of the stream."""
        ...


class PacedStream(ByteStream, Protocol):
    """What a line needs beyond that for chunks that are paced."""

    def receive_some(self, buffer: memoryview, /) -> int:
        """Receive what is there, waiting for the first byte only; 0 at the end of the stream."""
        ...

    def readable(self, seconds: float) -> bool:
        """Wait at most so long until something can be received; say whether it can."""
        ...


class Line:
    """One conversation; used by one thread at a time. All methods may block.

    Raises EOFError when the other side is gone, ProtocolError for what it
    should not have sent, and whatever the stream raises.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.window = Window()
        """What may be under way of paced chunks that go out here."""
        self._taken = 0
        self._told = 0
        self._told_at = 0.0

    def send(self, message: messages.Message) -> None:
        """Send one message; large blobs go out without being copied together."""
        small: list[Buffer] = []
        size = 0
        for part in message.encode():
            size += len(part)
            if size > JOIN_BYTES:
                self._stream.sendall(b"".join(small))
                self._stream.sendall(part)
                small, size = [], 0
            else:
                small.append(part)
        if small:
            self._stream.sendall(b"".join(small))

    def receive(self) -> messages.Message:
        """Wait for one message and return it; word of what was taken is noted and not returned."""
        while True:
            message = self._receive()
            if not isinstance(message, messages.Taken):
                return message
            self.window.take(message.bytes)

    def greet(self, hello: messages.Hello) -> messages.Welcome | messages.Refused:
        """Open a conversation as a client and return the agent's answer."""
        self._stream.sendall(MAGIC)
        self.send(hello)
        if bytes(self._exactly(len(MAGIC))) != MAGIC:
            raise ProtocolError("what answers there is no agent of this package")
        answer = self.receive()
        if not isinstance(answer, (messages.Welcome, messages.Refused)):
            raise ProtocolError("the agent did not answer the greeting")
        return answer

    def send_chunks(self, chunks: Iterable[tuple[bytes, Buffer]]) -> None:
        """Send chunks by name, one frame each."""
        for name, chunk in chunks:
            self.send(messages.Chunk(name=name.hex(), blobs=(chunk,)))

    def receive_chunks(
        self,
        count: int,
        place: Callable[[bytes], memoryview],
        arrived: Callable[[bytes], object],
    ) -> None:
        """Receive `count` chunks straight into the memory that `place(name)` gives.

        `arrived(name)` looks whether the bytes are right, which takes about as
        long as receiving them: another thread calls it, for one chunk after the
        other, while the next ones come in. All calls are over at the end of this.
        """
        if count <= FEW_CHUNKS:
            for _ in range(count):
                arrived(self._receive_chunk(place))
            return
        with ThreadPoolExecutor(1, "line-arrived") as pool:
            calls = [pool.submit(arrived, self._receive_chunk(place)) for _ in range(count)]
        for call in calls:
            call.result()

    def send_paced(self, chunks: Iterable[tuple[bytes, Buffer]]) -> None:
        """Send chunks and an end mark for `receive_paced`, no faster than they are taken.

        The stream has to be a `PacedStream`. Raises `TimeoutError` if nothing is
        taken for `SILENCE_SECONDS`.
        """
        for name, chunk in chunks:
            header, head, payload = messages.Chunk(name=name.hex(), blobs=(chunk,)).encode()
            self._stream.sendall(b"".join((header, head)))
            left = memoryview(payload)
            while left:
                piece = left[: self._room()]
                self.window.sent(len(piece))
                self._stream.sendall(piece)
                left = left[len(piece) :]
        self.send(messages.Chunk(name=""))

    def receive_paced(
        self,
        place: Callable[[bytes], memoryview],
        arrived: Callable[[bytes], object],
    ) -> None:
        """Receive chunks up to the end mark, saying all along how much was taken.

        `place` and `arrived` are as for `receive_chunks`, both called by this thread.
        """
        while True:
            self._tell_before_waiting(cast("PacedStream", self._stream))
            name, length = self._announced()
            if not name and not length:
                self._tell()
                return
            self._fill_telling(_placed(place, name, length))
            arrived(name)

    def _room(self) -> int:
        """Return how much may be sent now; waits for word from the receiver if it is nothing."""
        stream = cast("PacedStream", self._stream)
        while stream.readable(max(0.0, self.window.pause)) or self.window.room <= 0:
            if not stream.readable(SILENCE_SECONDS):
                raise TimeoutError(f"nothing was taken for {SILENCE_SECONDS:.0f} s")
            message = self._receive()
            if not isinstance(message, messages.Taken):
                raise ProtocolError("a line said something else while it was sent chunks")
            self.window.take(message.bytes)
        return self.window.piece

    def _receive(self) -> messages.Message:
        header = frames.parse_header(self._exactly(HEADER_BYTES))
        head = bytes(self._exactly(header.head_bytes))
        payload = memoryview(self._exactly(header.payload_bytes))
        return messages.decode(frames.assemble(header, head, payload))

    def _receive_chunk(self, place: Callable[[bytes], memoryview]) -> bytes:
        name, length = self._announced()
        self._fill(_placed(place, name, length))
        return name

    def _announced(self) -> tuple[bytes, int]:
        """Receive the head of a chunk: its name and length; both are empty in an end mark."""
        header = frames.parse_header(self._exactly(HEADER_BYTES))
        return _chunk_name(bytes(self._exactly(header.head_bytes))), header.payload_bytes

    def _fill_telling(self, target: memoryview) -> None:
        """Fill `target`, and give word now and then of what was taken."""
        stream = cast("PacedStream", self._stream)
        while target:
            self._tell_before_waiting(stream)
            got = stream.receive_some(target)
            if not got:
                raise EOFError("the other side closed the line")
            target = target[got:]
            self._taken += got
            if time.monotonic() - self._told_at >= _WORD_SECONDS:
                self._tell()

    def _tell_before_waiting(self, stream: PacedStream) -> None:
        """Never wait for long with something untold: the sender may be waiting for that word."""
        if self._told < self._taken and not stream.readable(_WORD_SECONDS / 2):
            self._tell()

    def _tell(self) -> None:
        self._told, self._told_at = self._taken, time.monotonic()
        self.send(messages.Taken(bytes=self._taken))

    def _exactly(self, count: int) -> bytearray:
        data = bytearray(count)
        self._fill(memoryview(data))
        return data

    def _fill(self, target: memoryview) -> None:
        while target:
            got = self._stream.recv_into(target)
            if not got:
                raise EOFError("the other side closed the line")
            target = target[got:]


def _placed(place: Callable[[bytes], memoryview], name: bytes, length: int) -> memoryview:
    """Return the memory that a chunk belongs in; ProtocolError if it is too long or short."""
    target = place(name)
    if len(target) != length:
        raise ProtocolError("a chunk has another length than its manifest says")
    return target


def _chunk_name(head: bytes) -> bytes:
    """Return the name in a chunk frame's head, before its payload is read."""
    try:
        fields: Any = json.loads(head)
        if fields["t"] != messages.Chunk.tag:
            raise ProtocolError("a chunk was expected on the line")
        return bytes.fromhex(fields["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError("a chunk on the line has no name") from error
