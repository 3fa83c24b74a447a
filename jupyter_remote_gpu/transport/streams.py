"""Frames on an asyncio byte stream, for control connections at both ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol import frames, messages
from jupyter_remote_gpu.protocol.frames import HEADER_BYTES, MAX_PAYLOAD_BYTES, Buffer

PIECE_BYTES = 1 << 12
ALONG_SECONDS = 0.02
"""So long a message that is to go along waits for another one to go along with."""


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
        self._along: list[Buffer] = []
        self._leaving: asyncio.TimerHandle | None = None
        self.heard = time.monotonic()

    async def send(self, message: messages.Message) -> None:
        """Send one message, whole; ConnectionError if the other side is gone."""
        async with self._sending:
            self._write(message.encode())
            await self._writer.drain()

    def send_along(self, message: messages.Message) -> None:
        """Send a small message with the next one, or soon: nobody waits for it. Never blocks.

        A packet of its own would wake every process on the way, just while they have to
        do what the other side does wait for.
        """
        self._along += message.encode()
        if self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(ALONG_SECONDS, self._leave)

    def _leave(self) -> None:
        self._write(())

    def _write(self, buffers: Sequence[Buffer]) -> None:
        along = self._taken_along()
        # Python 3.12 and 3.13 would have a lost connection write to the descriptor it had,
        # which may be another one's by now.
        if not self._writer.is_closing():
            self._writer.writelines([*along, *buffers])

    def _taken_along(self) -> list[Buffer]:
        along, self._along = self._along, []
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        return along

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
        if self._leaving is not None:
            self._leaving.cancel()
        self._writer.close()
