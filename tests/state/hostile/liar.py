"""A hand-written machine: it answers with what a test made up, over the messages' wire form."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from blake3 import blake3

from jupyter_remote_gpu.chunks.chunker import chunk_bytes
from jupyter_remote_gpu.protocol.state import (
    Answers,
    Ask,
    Blob,
    Description,
    Lacking,
    Manifest,
    Offer,
    Parcel,
    Report,
)
from jupyter_remote_gpu.state.landing import Landing
from tests.state.hosts import through_json
from tests.state.notebook import Coherent


def cut(data: bytes) -> tuple[Manifest, dict[bytes, Blob]]:
    """Cut bytes into chunks as an honest machine does."""
    size = chunk_bytes(len(data))
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    names = tuple(blake3(piece).digest() for piece in pieces)
    return Manifest(len(data), size, names), dict(zip(names, pieces, strict=True))


def value(head: bytes, *buffers: bytes, names: tuple[str, ...] = ("x",), **more: Any) -> Answers:
    """Return the answer that brings a head and buffers under some names."""
    cuts = [cut(part) for part in (head, *buffers)]
    parcel = Parcel("there-1", names, "value", tuple(m for m, _ in cuts), **more)
    return Answers((parcel,), {n: c for _, chunks in cuts for n, c in chunks.items()})


class Liar:
    """A peer that answers what it is told to."""

    def __init__(self) -> None:
        self.answers = Answers(())
        self.chunks: dict[bytes, Blob] = {}
        self.asked: list[Ask] = []

    def ask(self, ask: Ask) -> Answers:
        self.asked.append(ask)
        return through_json(self.answers, Answers)

    def pull(self, names: Sequence[bytes], landing: Landing) -> None:
        for name in names:
            if name in self.chunks:
                place = landing.destination(name)
                place[:] = bytes(self.chunks[name])[: len(place)].ljust(len(place), b"\0")
                landing.received(name)

    def offer(self, offer: Offer) -> Lacking:
        return Lacking()

    def supply(self, chunks: Iterable[tuple[bytes, memoryview]]) -> Lacking:
        return Lacking()

    def release(self, tokens: Sequence[str]) -> None:
        """Nothing is kept here."""


class Lied:
    """The notebook that is lied to. `called` grows if anything typed in it runs."""

    watch: Any

    def __init__(self) -> None:
        self.liar = Liar()
        self.notebook = Coherent(self.liar, trusted=False)
        self.names = self.notebook.names
        self.called: list[str] = []
        self.names["called"] = self.called

    def typed(self, source: str) -> None:
        """Run a cell here."""
        out = self.notebook.here(source)
        assert out[1] == "", out

    def ran(self, source: str = "x = 1", report: Report | None = None) -> None:
        """Let a remote cell have run, with this report."""
        home = self.notebook.home
        departure = home.depart(source)
        home.commit(departure)
        told = report or Report(bound={"x": Description("dict", "made there")})
        with self.looking():
            home.complete(departure, through_json(told, Report))

    def answer(self, answers: Answers, chunks: dict[bytes, Blob] | None = None) -> str:
        """Bring x before a local cell reads it; the machine lies. Return the error."""
        self.liar.answers = answers
        self.liar.chunks = chunks or {}
        before = {n: v for n, v in self.names.items() if n != "__builtins__"}
        error = ""
        with self.looking():
            try:
                self.notebook.home.fetch(["x"], self.liar)
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"
        if error:
            after = {n: v for n, v in self.names.items() if n != "__builtins__"}
            assert after.keys() == before.keys()
            assert all(after[n] is before[n] for n in before)
        return error

    def refuses(self, answers: Answers, *reasons: str, chunks: Any = None) -> None:
        """Expect one of our errors, and nothing changed, and nothing called."""
        error = self.answer(answers, chunks)
        assert error.startswith(("CannotTravelError", "ProtocolError", "DamagedError", "NotPlain"))
        assert all(reason in error for reason in reasons), error
        assert self.called == [], self.called
        assert not set(error) & set("\x1b\x07\x9b")

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Watch for what must not happen."""
        before, sys.modules["__main__"] = sys.modules["__main__"], self.notebook.main
        self.watch.active = True
        try:
            yield
        finally:
            self.watch.active = False
            sys.modules["__main__"] = before
