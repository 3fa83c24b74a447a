"""A line that damages and cuts, peers of other versions and with other tokens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu import __version__
from jupyter_remote_gpu.errors import (
    AgentStartError,
    ConnectionLostError,
    VersionMismatchError,
)
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.line import Line
from jupyter_remote_gpu.protocol.version import MAGIC, PROTOCOL_VERSION
from jupyter_remote_gpu.session.greeting import hello
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.local import LocalTransport
from tests.session.recording import BadLine, Bench

numpy = pytest.importorskip("numpy")

Tamper = Callable[[str, bytes], "bytes | None"]


@pytest.fixture
def bench_over(home: Path, tmp_path: Path) -> Iterator[Callable[[Tamper], Bench]]:
    opened: list[Bench] = []

    def open_bench(tamper: Tamper) -> Bench:
        opened.append(Bench(BadLine(home, tamper), tmp_path))
        return opened[-1]

    yield open_bench
    for bench in opened:
        bench.close()


def flip_once(direction: str, marker: bytes) -> tuple[Tamper, list[int]]:
    """Return a tamper that flips one bit of the first piece that holds `marker`."""
    done: list[int] = []

    def tamper(way: str, data: bytes) -> bytes:
        at = data.find(marker)
        if way != direction or done or at < 0:
            return data
        done.append(at)
        damaged = bytearray(data)
        damaged[at + len(marker) // 2] ^= 1
        return bytes(damaged)

    return tamper, done


def test_a_chunk_damaged_on_its_way_out_is_sent_again(
    bench_over: Callable[[Tamper], Bench],
) -> None:
    marker = b"\x11\x22\x33\x44\x55\x66\x77\x88" * 4
    tamper, done = flip_once("out", marker)
    bench = bench_over(tamper)
    values = numpy.random.default_rng(0).integers(0, 255, 5_000_000).astype("uint8")
    values[3_000_000 : 3_000_000 + len(marker)] = numpy.frombuffer(marker, "uint8")
    bench.names["values"] = values
    outcome = bench.remote("import hashlib\nprint(hashlib.sha256(values).hexdigest())")
    import hashlib

    assert outcome.error is None
    assert done, "the chunk was never damaged"
    assert bench.front_end.text().strip() == hashlib.sha256(values).hexdigest()


def test_a_chunk_damaged_on_its_way_back_is_asked_for_again(
    bench_over: Callable[[Tamper], Bench],
) -> None:
    marker = b"\x99\xaa\xbb\xcc\xdd\xee\xff\x01" * 4
    tamper, done = flip_once("in", marker)
    bench = bench_over(tamper)
    bench.remote(
        "import numpy\nvalues = numpy.zeros(5_000_000, 'uint8')\n"
        f"values[2_000_000:{2_000_000 + len(marker)}] = numpy.frombuffer({marker!r}, 'uint8')"
    )
    bench.session.fetch(["values"])
    assert done, "the chunk was never damaged"
    assert bytes(bench.names["values"][2_000_000 : 2_000_000 + len(marker)]) == marker


def test_damaged_events_come_again_whole(bench_over: Callable[[Tamper], Bench]) -> None:
    tamper, done = flip_once("in", b"line 77\\n")
    bench = bench_over(tamper)
    bench.remote("import time\nfor i in range(200): print('line', i); time.sleep(0.002)")
    assert done, "nothing was damaged"
    assert bench.front_end.text() == "".join(f"line {i}\n" for i in range(200))
    assert any("reconnecting" in note for note in bench.front_end.notes)


def test_a_connection_cut_again_and_again_loses_and_doubles_nothing(
    bench_over: Callable[[Tamper], Bench],
) -> None:
    passed = [0]
    cuts: list[int] = []

    def tamper(way: str, data: bytes) -> bytes | None:
        passed[0] += len(data)
        # Six times: a line that never carries a whole message carries nothing.
        if passed[0] > 8_000 and len(cuts) < 6:
            cuts.append(passed[0])
            passed[0] = 0
            return None
        return data

    bench = bench_over(tamper)
    bench.remote("import time\nfor i in range(1000): print('line', i); time.sleep(0.001)")
    assert bench.front_end.text() == "".join(f"line {i}\n" for i in range(1000))
    assert len(cuts) == 6
    assert len([n for n in bench.front_end.notes if "again" in n]) >= 1


def test_a_run_request_cut_on_its_way_is_run_once(bench_over: Callable[[Tamper], Bench]) -> None:
    cut: list[bool] = []

    def tamper(way: str, data: bytes) -> bytes | None:
        if way == "out" and b"only_once" in data and not cut:
            cut.append(True)
            return None
        return data

    bench = bench_over(tamper)
    bench.remote("ran = 0")
    bench.remote("ran += 1; print('only_once', ran)")
    assert cut
    assert bench.front_end.text() == "only_once 1\n"


class OtherVersion(Transport):
    """An agent of another version: refuses everyone, however often it is replaced."""

    token = "token"

    def __init__(self) -> None:
        self.replaced = 0

    def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def replace(self) -> None:
        self.replaced += 1

    def _serve(self, theirs: socket.socket) -> None:
        with theirs:
            theirs.sendall(MAGIC)
            line = Line(theirs)
            theirs.recv(len(MAGIC), socket.MSG_WAITALL)
            line.receive()
            line.send(messages.Refused(kind="version", message="other", protocol=99, version="9.9"))


def test_an_agent_of_another_version_is_replaced_or_named(tmp_path: Path) -> None:
    transport = OtherVersion()
    bench = Bench(transport, tmp_path)
    with pytest.raises(VersionMismatchError) as caught:
        bench.remote("1")
    assert transport.replaced == 1
    assert "9.9" in str(caught.value)
    assert __version__ in str(caught.value)
    assert "99" in str(caught.value)


def greet(home: Path, **changes: object) -> messages.Message:
    """Say hello to a real agent, with changes, and return its answer."""
    transport = LocalTransport(home)
    said = hello(transport, "test")
    fields = {name: getattr(said, name) for name in ("protocol", "version", "token", "client")}
    with transport.connect() as opened:
        return Line(opened).greet(messages.Hello(**{**fields, **changes}))


def test_an_agent_refuses_clients_of_another_version_and_without_its_token(home: Path) -> None:
    assert isinstance(greet(home), messages.Welcome)
    refused = greet(home, protocol=PROTOCOL_VERSION + 1)
    assert isinstance(refused, messages.Refused)
    assert refused.kind == "version"
    for token in ("", "guess", "é"):
        refused = greet(home, token=token)
        assert isinstance(refused, messages.Refused)
        assert refused.kind == "token"


def test_an_agent_hangs_up_on_whoever_speaks_something_else(home: Path) -> None:
    with LocalTransport(home).connect() as opened:
        opened.settimeout(30)
        opened.sendall(b"GET / HTTP/1.1\r\n\r\n")
        heard = b""
        while data := opened.recv(1000):
            heard += data
    assert heard == MAGIC


def test_an_agent_with_another_token_is_replaced_and_its_kernel_adopted(
    home: Path, tmp_path: Path
) -> None:
    first = Bench(LocalTransport(home), tmp_path)
    first.remote("x = 5")
    first.session.leave(stop=False)
    (home / "client-token").unlink()
    second = Bench(LocalTransport(home), tmp_path)
    assert len(second.session.survivors()) == 1
    second.remote("print('new')")
    assert second.front_end.text() == "new\n"
    second.close()
    first.loop.close()


def test_a_python_that_is_none_is_named(home: Path, tmp_path: Path) -> None:
    bench = Bench(LocalTransport(home, python="/nowhere/python"), tmp_path)
    with pytest.raises(AgentStartError, match="could not be started"):
        bench.remote("1")


def test_an_agent_that_dies_at_once_is_quoted(home: Path, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text("#!/bin/sh\necho 'no such luck' >&2\nexit 3\n")
    wrapper.chmod(0o755)
    bench = Bench(LocalTransport(home, wrapper=[str(wrapper)]), tmp_path)
    with pytest.raises(AgentStartError) as caught:
        bench.remote("1")
    assert "no such luck" in str(caught.value)


def test_a_missing_folder_is_named(home: Path, tmp_path: Path) -> None:
    bench = Bench(LocalTransport(home), tmp_path / "nowhere")
    with pytest.raises(AgentStartError, match="nowhere"):
        bench.remote("1")


def test_a_connection_that_never_comes_back_is_told(
    bench_over: Callable[[Tamper], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_remote_gpu.session import trouble

    monkeypatch.setattr(trouble, "RECONNECT_SECONDS", 0.3)
    begun = threading.Event()
    dead = threading.Event()

    def tamper(way: str, data: bytes) -> bytes | None:
        if way == "in" and b"begun" in data:
            begun.set()
        return None if dead.is_set() else data

    bench = bench_over(tamper)
    bench.front_end.on_event = lambda event: dead.set()
    with pytest.raises(ConnectionLostError, match="attach"):
        bench.remote("import time\nprint('begun')\nfor i in range(300): time.sleep(0.05); print(i)")
    dead.clear()
