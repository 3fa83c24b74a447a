"""A placeholder describes itself and refuses everything else."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_remote_gpu.errors import ElsewhereError, LostError
from jupyter_remote_gpu.protocol.state import Description
from jupyter_remote_gpu.state.placeholders import Placeholder, human_bytes

MODEL = Placeholder("model", Description("Net", "26 M params", 105_000_000), "gpu1")

USES: list[Callable[[Any], Any]] = [
    len,
    bool,
    iter,
    str,
    hash,
    copy.copy,
    copy.deepcopy,
    pickle.dumps,
    lambda m: m.weight,
    lambda m: setattr(m, "x", 1),
    lambda m: m(1),
    lambda m: m[0],
    lambda m: m + 1,
    lambda m: 1 + m,
    lambda m: m == 1,
    lambda m: f"{m}",
    lambda m: 3 in m,
    lambda m: m @ m,
]


def test_repr_says_what_and_where() -> None:
    assert repr(MODEL) == (
        "<model: Net, 26 M params, 105 MB; newest on gpu1; a cell that mentions it fetches it>"
    )


@pytest.mark.parametrize("use", USES)
def test_every_use_raises_and_names_the_remedy(use: Callable[[Any], Any]) -> None:
    with pytest.raises(ElsewhereError, match="The newest value of model is on gpu1") as caught:
        use(MODEL)
    assert "Mention model in the cell" in str(caught.value)


def test_probing_for_private_hooks_is_harmless() -> None:
    assert not hasattr(MODEL, "_repr_html_")
    assert not hasattr(MODEL, "_ipython_display_")


def test_a_lost_value_says_so() -> None:
    lost = Placeholder("model", Description("Net"), "gpu1", "its Python is gone")
    assert repr(lost) == "<model: Net, lost: its Python is gone>"
    with pytest.raises(LostError, match="The value of model is lost: its Python is gone"):
        lost.weight  # noqa: B018 (the attribute access is the test)


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 B"), (1500, "1.5 kB"), (105_000_000, "105 MB")]
)
def test_bytes_for_people(count: int, text: str) -> None:
    assert human_bytes(count) == text
