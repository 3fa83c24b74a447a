"""Two ways to host the other side: in this process, and in a process behind pipes.

Both send every message through `pack`, JSON and `unpack`, as a socket would.
"""

from __future__ import annotations

import contextlib
import io
import json
import linecache
import re
import struct
import subprocess
import sys
import types
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from jupyter_remote_gpu.protocol.state import Answers, Ask, Begin, Blob, Lacking, Offer, Report
from jupyter_remote_gpu.state.away import Away
from jupyter_remote_gpu.state.landing import Landing

_M = TypeVar("_M")
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
Packed = tuple[dict[str, Any], list[Blob]]


def through_json(message: Any, kind: type[_M]) -> _M:
    """Take a message through its wire form."""
    fields, blobs = message.pack()
    views = [memoryview(bytes(b)) for b in blobs]
    found: _M = cast("Any", kind).unpack(json.loads(json.dumps(fields)), views)
    return found


def fresh_main() -> types.ModuleType:
    """Return an empty `__main__` module."""
    return types.ModuleType("__main__")


def execute(source: str, filename: str, namespace: dict[str, Any]) -> tuple[str, str]:
    """Run a cell as a kernel would; return what it printed, warnings included, and its error."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    out = io.StringIO()
    error = ""
    namespace.pop("__warningregistry__", None)
    with contextlib.redirect_stdout(out), warnings_printed():
        try:
            exec(compile(source, filename, "exec", dont_inherit=True), namespace)
        except Exception as caught:
            error = described(caught)
    return without_addresses(out.getvalue()), error


def described(error: BaseException | None) -> str:
    """Return type and message of an error, an empty string for none."""
    if error is None:
        return ""
    text = without_addresses(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def without_addresses(text: str) -> str:
    """Leave out where objects lie in memory."""
    return _ADDRESS.sub("0x", text)


@contextlib.contextmanager
def warnings_printed() -> Iterator[None]:
    """Let warnings be part of what a cell prints, without touching their filters."""
    before = warnings.showwarning

    def show(message: Any, category: type, *_rest: Any, **_more: Any) -> None:
        sys.stdout.write(f"{category.__name__}: {message}\n")

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


class SameProcess:
    """An Away in this process, on a module of its own."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Start over with an empty namespace."""
        self.main = fresh_main()
        self.away = Away(self.main.__dict__, "gpu1")
        self.bytes = 0

    def run(self, begin: Begin, source: str) -> tuple[str, str, Report]:
        """Let a cell begin, run and report."""
        before, sys.modules["__main__"] = sys.modules["__main__"], self.main
        try:
            self.away.arrive(through_json(begin, Begin))
            self.away.before_run()
            out, error = execute(source, f"<there-{begin.cell.number}>", self.main.__dict__)
            return out, error, through_json(self.away.after_run(), Report)
        finally:
            sys.modules["__main__"] = before

    def offer(self, offer: Offer) -> Lacking:
        return through_json(self.away.offer(through_json(offer, Offer)), Lacking)

    def supply(self, chunks: Iterable[tuple[bytes, memoryview]]) -> Lacking:
        landing = self.away.landing
        for name, chunk in chunks:
            landing.destination(name)[:] = chunk
            self.bytes += len(chunk)
            assert landing.received(name)
        return through_json(self.away.supplied(), Lacking)

    def ask(self, ask: Ask) -> Answers:
        return through_json(self.away.ask(through_json(ask, Ask)), Answers)

    def pull(self, names: Sequence[bytes], landing: Landing) -> None:
        for name, chunk in self.away.pull(names):
            landing.destination(name)[:] = chunk
            self.bytes += len(chunk)
            assert landing.received(name)

    def release(self, tokens: Sequence[str]) -> None:
        self.away.release(tokens)

    def close(self) -> None:
        """Nothing to close."""


class OtherProcess:
    """An Away in a process of `python`, behind pipes; with IPython's shell if `ipython`."""

    def __init__(self, python: str = sys.executable, *, ipython: bool = False) -> None:
        root = Path(__file__).parents[2]
        command = [python, "-u", "-m", "tests.state.away_process", *(["ipython"] * ipython)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._out: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self.bytes = 0

    def restart(self) -> None:
        """Start over with an empty namespace, in the same process."""
        self._call("restart", {}, [])

    def run(self, begin: Begin, source: str) -> tuple[str, str, Report]:
        """Let a cell begin, run and report."""
        fields, blobs = begin.pack()
        answer, parts = self._call("run", {"begin": fields, "source": source}, blobs)
        if "refused" in answer:
            raise AssertionError(answer["refused"])
        return answer["out"], answer["error"], Report.unpack(answer["report"], parts)

    def offer(self, offer: Offer) -> Lacking:
        return Lacking.unpack(*self._call("offer", *offer.pack()))

    def supply(self, chunks: Iterable[tuple[bytes, memoryview]]) -> Lacking:
        listed = list(chunks)
        names = b"".join(name for name, _ in listed)
        self.bytes += sum(len(chunk) for _, chunk in listed)
        return Lacking.unpack(*self._call("supply", {}, [names, *(c for _, c in listed)]))

    def ask(self, ask: Ask) -> Answers:
        return Answers.unpack(*self._call("ask", *ask.pack()))

    def pull(self, names: Sequence[bytes], landing: Landing) -> None:
        _, chunks = self._call("pull", {}, [b"".join(names)])
        for name, chunk in zip(names, chunks, strict=True):
            landing.destination(name)[:] = chunk
            self.bytes += len(chunk)
            assert landing.received(name)

    def release(self, tokens: Sequence[str]) -> None:
        self._call("release", {"tokens": list(tokens)}, [])

    def close(self) -> None:
        """End the process."""
        self._out.close()
        self._process.wait(timeout=60)
        self._in.close()

    def _call(self, verb: str, fields: dict[str, Any], blobs: Sequence[Blob]) -> Any:
        send(self._out, {"verb": verb, "fields": fields}, blobs)
        answer, parts = receive(self._in)
        if "crash" in answer:
            raise AssertionError(answer["crash"])
        return answer, parts


def send(stream: BinaryIO, fields: dict[str, Any], blobs: Sequence[Blob]) -> None:
    """Write one message: lengths, JSON, blobs."""
    text = json.dumps(fields).encode()
    lengths = [len(text), *(len(b) for b in blobs)]
    stream.write(struct.pack(f"<I{len(lengths)}Q", len(lengths), *lengths))
    stream.write(text)
    for blob in blobs:
        stream.write(blob)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], list[memoryview]]:
    """Read one message; `EOFError` at the end."""
    head = stream.read(4)
    if len(head) < 4:
        raise EOFError
    (count,) = struct.unpack("<I", head)
    lengths = struct.unpack(f"<{count}Q", stream.read(8 * count))
    parts = [bytearray(stream.read(length)) for length in lengths]
    return json.loads(bytes(parts[0])), [memoryview(p) for p in parts[1:]]
