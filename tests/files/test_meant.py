"""Which files a text means."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.files.meant import meant

ROOT = "/home/me/project"
MODEL = "nb/outputs/model_3.pt"
PLAIN = "nb/weights"


@pytest.mark.parametrize(
    "text",
    [
        "outputs/model_3.pt",
        "./outputs/../outputs/model_3.pt",
        f"{ROOT}/{MODEL}",
        "model_3.pt",
        "cat outputs/model_3.pt | head",
        "--weights=outputs/model_3.pt",
        "outputs",
        "outputs/",
        "outputs/model_",
        "outputs/*.pt",
        "*.pt",
        "model_*.pt",
        "ls *.pt",
        "../nb/outputs",
    ],
)
def test_these_mean_the_file(text: str) -> None:
    assert meant([text], f"{ROOT}/nb", ROOT, [MODEL]) == [MODEL]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "/",
        "*",
        "a * b",
        "model_3.pth",
        "my_model_3.pt",
        "model_3.pt.bak",
        "output",
        "outputs2/",
        "outputs/other_",
        "/home/me",
        ROOT,
        "the model is here",
        "*.csv",
    ],
)
def test_these_do_not(text: str) -> None:
    assert meant([text], f"{ROOT}/nb", ROOT, [MODEL]) == []


def test_a_name_without_a_suffix_is_meant_where_it_is_a_word_of_its_own() -> None:
    assert meant(["weights"], f"{ROOT}/nb", ROOT, [PLAIN]) == [PLAIN]
    assert meant(["cat weights"], f"{ROOT}/nb", ROOT, [PLAIN]) == [PLAIN]
    assert meant(["weights_2"], f"{ROOT}/nb", ROOT, [PLAIN, MODEL]) == []
    assert meant(["weights", "*.pt"], f"{ROOT}/nb", ROOT, [MODEL, PLAIN]) == [PLAIN, MODEL]
