"""What messages call the components that move."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.state.loads import component_name


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("model", "opt"), "model+opt"),
        (("_", "_7", "model"), "model"),
        (("_", "_7"), "_+_7"),
        ((), ""),
    ],
)
def test_a_component_is_called_by_the_names_that_its_user_gave(
    names: tuple[str, ...], text: str
) -> None:
    assert component_name(names) == text
