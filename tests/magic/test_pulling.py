"""Values and files behind one verb: which of them is meant."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.magic.pulling import is_expression

KNOWN = {"model", "outputs", "features", "results"}


@pytest.mark.parametrize(
    "text",
    ["features[:1000]", "model.state_dict()", "model.fc.weight", "{'a': 1}", "features[:", "f(x"],
)
def test_an_expression_of_names(text: str) -> None:
    assert is_expression(text, KNOWN.__contains__)


@pytest.mark.parametrize(
    "text",
    [
        "outputs/",
        "outputs/model.pt",
        "*.csv",
        "logs/*.csv notes.md",
        "loss.csv",
        "my-plot.png",
        "'my plot.png'",
        "./model",
        "./[ab].csv",
    ],
)
def test_a_path(text: str) -> None:
    assert not is_expression(text, KNOWN.__contains__)
