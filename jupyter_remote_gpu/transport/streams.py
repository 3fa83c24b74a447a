"""Frames on an asyncio byte stream, for control connections at both ends."""

from __future__ import annotations

import asyncio
import time

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol import frames, messages
from jupyter_remote_gpu.protocol.frames import HEADER_BYTES, MAX_PAYLOAD_BYTES

PIECE_BYTES = 1 << 12


class FrameStream:
    """Sends and receives messages; `send` waits while the other side reads slowly.

    A message with a payload of more than `longest` bytes is refused before it is read.
    `heard` is when the last bytes came, on the monotonic clock: bytes, not messages,
    because a long message on a slow line is a sign of life all along.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        longest: int = MAX_PAYLOAD_BYTES,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._longest = longest
        self._sending = asyncio.Lock()
        self.heard = time.monotonic()

    async def send(self, message: messages.Message) -> None:
        """Send one message, whole; ConnectionError if the other side is gone."""
        async with self._sending:
            self._writer.writelines(message.encode())
            await self._writer.drain()

    async def receive(self) -> messages.Message:
        """Wait for one message; EOFError at the stream's end, ProtocolError for nonsense."""
        header = frames.parse_header(await self.exactly(HEADER_BYTES))
        if header.payload_bytes > self._longest:
            raise ProtocolError(
                f"a message announces {header.payload_bytes} bytes, more than the"
                f" {self._longest} that are taken from this machine"
            )
        head = await self.exactly(header.head_bytes)
        payload = await self.exactly(header.payload_bytes) if header.payload_bytes else b""
        return messages.decode(frames.assemble(header, head, memoryview(payload)))

    async def exactly(self, count: int) -> bytes:
        """Wait for exactly `count` bytes; EOFError if the stream ends before."""
        if count <= PIECE_BYTES:
            whole = await self._reader.readexactly(count)
            self.heard = time.monotonic()
            return whole
        pieces: list[bytes] = []
        left = count
        while left:
            piece = await self._reader.read(left)
            self.heard = time.monotonic()
            if not piece:
                raise asyncio.IncompleteReadError(b"".join(pieces), count)
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close the connection; both ends notice."""
        self._writer.close()
