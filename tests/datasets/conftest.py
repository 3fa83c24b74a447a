"""Fixtures: Kaggle, the Hub and a cloud's storage on this computer, and nobody's credentials."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.datasets.emulators.hub import Hub
from tests.datasets.emulators.kaggle import Kaggle
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage

_OTHERS = ("KAGGLE", "HF_", "HUGGING_FACE", "COLAB_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user's folder in which nothing is kept yet; no settings of this computer count."""
    for name in list(os.environ):
        if name.upper().startswith(_OTHERS):
            monkeypatch.delenv(name)
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("USERPROFILE", str(place))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return place


@pytest.fixture
def storage() -> Iterator[Storage]:
    """The storage that Kaggle's and the Hub's downloads lead to."""
    with serving(one := Storage()):
        yield one


@pytest.fixture
def kaggle(storage: Storage) -> Iterator[Kaggle]:
    """A Kaggle with nothing in it."""
    with serving(one := Kaggle(storage)):
        yield one


@pytest.fixture
def hub(storage: Storage) -> Iterator[Hub]:
    """A Hub with nothing in it."""
    with serving(one := Hub(storage)):
        yield one
