"""Fixtures: an index of odd packages, and settings of nobody's computer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environments.index import Index, serving


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave out what pip and uv are set to on this computer; keep uv's cache apart."""
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The only index that uv knows; it has ipykernel, which every environment gets."""
    with serving(Index()) as one:
        one.wheel("ipykernel", "7.0")
        monkeypatch.setenv("UV_DEFAULT_INDEX", one.url)
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A notebook's folder, the root of its project."""
    place = tmp_path / "project"
    (place / ".git").mkdir(parents=True)
    return place
