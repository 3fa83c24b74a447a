"""Tab knows verbs, flags and machines."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.magic.completion import offers
from tests.notebook import Notebook

KNOWN = ("embedded", "gpu-box", "lab")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("%%remote_gpu --ma", ["--machine"]),
        ("%%remote_gpu --machine ", list(KNOWN)),
        ("%%remote_gpu --yes --machine g", ["gpu-box"]),
        ("%%both --machine l", ["lab"]),
        ("%remote_gpu unt", ["untrust"]),
        ("%remote_gpu use ", list(KNOWN)),
        ("%remote_gpu status gpu", ["gpu-box"]),
        ("%remote_gpu use lab ", []),
        ("%remote_gpu add box host --tr", ["--trusted"]),
        ("%remote_gpu help forg", ["forget"]),
        ("%remote_gpu pull mod", []),
        ("%remote_gpu sync --al", ["--all", "--allow"]),
        ("%remote_gpu kept acc", ["accept"]),
        ("%remote_gpu nothing ", []),
    ],
)
def test_what_fits_is_offered(line: str, found: list[str]) -> None:
    assert offers(line, KNOWN) == found


def test_a_notebook_completes(notebook: Notebook) -> None:
    for line, found in (("%remote_gpu use emb", "embedded"), ("%remote_gpu mach", "machines")):
        reply = notebook.client.complete(line, len(line), reply=True, timeout=30)
        assert found in reply["content"]["matches"]
