"""Remote cells run on three machines: as it is, hard, and treated as one that is not trusted."""

from __future__ import annotations

import pytest

from tests.conftest import Place, make_place


@pytest.fixture(
    scope="module", params=["plain", "untrusted", pytest.param("hard", marks=pytest.mark.root)]
)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The embedded machine in the modes of other tests, and once more without trust."""
    return make_place(request, tmp_path_factory)
