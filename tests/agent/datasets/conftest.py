"""A server of files, and what makes datasets of them, for the tests of downloads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.datasets import making, part, room, transfer, untar, unzip
from tests.agent.datasets.maker import MEGABYTE, SEGMENT, Maker
from tests.agent.datasets.serving import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    """A web server on this computer."""
    with serving() as made:
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small segments and short waits: what matters is what happens between them."""
    for module in (part, transfer, untar, unzip):
        monkeypatch.setattr(module, "SEGMENT_BYTES", SEGMENT)
    monkeypatch.setattr(transfer, "PIECE_BYTES", 1 << 14)
    monkeypatch.setattr(transfer, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(room, "MARGIN_BYTES", 0)
    monkeypatch.setattr(making, "LARGE_BYTES", MEGABYTE)


@pytest.fixture
def maker(tmp_path: Path, server: Server, quick: None) -> Maker:
    return Maker(tmp_path, server)
