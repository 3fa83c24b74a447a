"""A file at a source read from here in parts, as if it were open: only what is read comes."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable

from jupyter_remote_gpu.errors import (
    DatasetError,
    NotAvailableError,
    PrivateDataError,
    SourceDownError,
)

from .probing import probe, version_of
from .source import Link
from .web import Answer, Web, origin

BLOCK_BYTES = 64 << 10
_MOST_AHEAD = 64
"""Who reads on and on is given up to 4 MiB at once: a request costs a round trip."""
_KEPT_BLOCKS = 256
_ENDED = (400, 401, 403, 410)


class RangedFile(io.RawIOBase):
    """The bytes of one remote file; each read may block on the network and raise DatasetError.

    `fresh` gives a new link: the first, and another whenever one has ended.
    Raises NotAvailableError when it is made if the source gives no parts.
    `came` is how many bytes have come here.
    """

    def __init__(self, web: Web, fresh: Callable[[], Link], name: str) -> None:
        super().__init__()
        self.came = 0
        self._web, self._fresh, self._name = web, fresh, name
        self._lock = threading.RLock()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._at = 0
        self._ahead, self._last = 1, -2
        self._url, self._headers = "", dict[str, str]()
        self.size, self._version = self._opened()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Have the next read begin elsewhere; asks nobody."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into a buffer up to the end of a block; 0 at the end of the file."""
        with self._lock:
            if self._at >= self.size or not len(buffer):
                return 0
            block, inside = divmod(self._at, BLOCK_BYTES)
            piece = memoryview(self._block(block))[inside : inside + len(buffer)]
            memoryview(buffer).cast("B")[: len(piece)] = piece
            self._at += len(piece)
            return len(piece)

    def _block(self, number: int) -> bytes:
        kept = self._blocks.get(number)
        if kept is not None:
            self._blocks.move_to_end(number)
            return kept
        self._ahead = min(self._ahead * 2, _MOST_AHEAD) if number == self._last + 1 else 1
        begin = number * BLOCK_BYTES
        data = self._part(begin, min(begin + self._ahead * BLOCK_BYTES, self.size))
        self.came += len(data)
        self._last = number + self._ahead - 1
        for at in range(0, len(data), BLOCK_BYTES):
            self._blocks[number + at // BLOCK_BYTES] = data[at : at + BLOCK_BYTES]
        while len(self._blocks) > _KEPT_BLOCKS + self._ahead:
            self._blocks.popitem(last=False)
        return data[:BLOCK_BYTES]

    def _part(self, begin: int, end: int) -> bytes:
        answer = self._ask(begin, end)
        if answer.status in _ENDED:
            self._opened()
            answer = self._ask(begin, end)
        if answer.status == 206 and version_of(answer.headers) not in ("", self._version):
            raise _replaced(self._name)
        said = answer.headers.get("content-range", "")
        if answer.status != 206 or said != f"bytes {begin}-{end - 1}/{self.size}":
            raise SourceDownError(
                f"The source gave no part of {self._name}: it answered {answer.status}.",
                hint="Try again in a few minutes. What was read before is as it was.",
            )
        if len(answer.body) != end - begin:
            raise SourceDownError(f"A part of {self._name} came short.", hint="Try again.")
        return answer.body

    def _ask(self, begin: int, end: int) -> Answer:
        headers = {**self._headers, "Range": f"bytes={begin}-{end - 1}"}
        return self._web.ask("GET", self._url, headers=headers)

    def _opened(self) -> tuple[int, str]:
        """Ask for a link, and where it leads and what is there; raises if that has changed."""
        link = self._fresh()
        answer, said = probe(self._web, link)
        if answer.status >= 400 and answer.status != 416:
            raise _refused(self._name, answer)
        if said.bytes is None or (said.bytes and not said.in_parts):
            raise NotAvailableError(f"The source gives {self._name} only as a whole.")
        if self._url and (said.bytes, said.version) != (self.size, self._version):
            raise _replaced(self._name)
        self._url = answer.url
        same = origin(answer.url) == origin(link.url)
        self._headers = dict(link.headers) if same else {}
        return said.bytes, said.version


def _replaced(name: str) -> SourceDownError:
    return SourceDownError(
        f"{name} has been replaced at its source while it was read.",
        hint="Have it looked up again: `%remote_gpu data ADDRESS --newest`, then dataset(…).",
    )


def _refused(name: str, answer: Answer) -> DatasetError:
    if answer.status in _ENDED:
        return PrivateDataError(
            f"The source refuses its own link to {name} ({answer.status}).",
            hint="Ask for the data again.",
        )
    return SourceDownError(
        f"The source is in trouble: it answered {answer.status} when asked for {name}.",
        hint="Try again in a few minutes.",
    )
