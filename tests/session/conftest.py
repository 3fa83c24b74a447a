"""What tests of a project's sync start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.session.wiring import Wired


@pytest.fixture
def no_rules_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ignore files but those of the test's project count."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))


@pytest.fixture
def wired(tmp_path: Path, no_rules_of_the_user: None) -> Iterator[Wired]:
    """An empty project and a machine that never saw it."""
    found = Wired(tmp_path)
    yield found
    found.close()
