"""The other side of tests of names, and what each leaves as it found it: local cells run here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.state.hosts import OtherProcess


@pytest.fixture(autouse=True)
def environment_as_before() -> Iterator[None]:
    """Put back the environment: a machine that is started later inherits it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def machine() -> Iterator[OtherProcess]:
    """Another process, restarted for each notebook."""
    host = OtherProcess()
    yield host
    host.close()
