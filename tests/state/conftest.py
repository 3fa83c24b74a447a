"""What every test of names leaves as it found it: local cells run in the suite's own process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def environment_as_before() -> Iterator[None]:
    """Put back the environment: a machine that is started later inherits it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
