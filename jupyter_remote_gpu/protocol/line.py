"""Messages and chunks over one blocking byte stream, for either end of a state line.

No socket is imported here: any object with `sendall` and `recv_into` will do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from jupyter_remote_gpu.errors import ProtocolError

from . import frames, messages
from .frames import HEADER_BYTES, Buffer
from .version import MAGIC

JOIN_BYTES = 1 << 16
FEW_CHUNKS = 2
"""For so many another thread is not worth its start."""


class ByteStream(Protocol):
    """What a line needs of a socket."""

    def sendall(self, data: Buffer, /) -> None:
        """Send all of `data`; may block."""
        ...

    def recv_into(self, buffer: memoryview, /) -> int:
        """Receive some bytes into `buffer`; 0 at the end of the stream."""
        ...


class Line:
    """One conversation; used by one thread at a time. All methods may block.

    Raises EOFError when the other side is gone, ProtocolError for what it
    should not have sent, and whatever the stream raises.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

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
        """Wait for one message and return it."""
        header = frames.parse_header(self._exactly(HEADER_BYTES))
        head = bytes(self._exactly(header.head_bytes))
        payload = memoryview(self._exactly(header.payload_bytes))
        return messages.decode(frames.assemble(header, head, payload))

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

    def _receive_chunk(self, place: Callable[[bytes], memoryview]) -> bytes:
        header = frames.parse_header(self._exactly(HEADER_BYTES))
        name = _chunk_name(bytes(self._exactly(header.head_bytes)))
        target = place(name)
        if len(target) != header.payload_bytes:
            raise ProtocolError("a chunk has another length than its manifest says")
        self._fill(target)
        return name

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


def _chunk_name(head: bytes) -> bytes:
    """Return the name in a chunk frame's head, before its payload is read."""
    try:
        fields: Any = json.loads(head)
        if fields["t"] != messages.Chunk.tag:
            raise ProtocolError("a chunk was expected on the line")
        return bytes.fromhex(fields["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError("a chunk on the line has no name") from error
