"""The code on a model's card is what a stranger types: it is run here as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.agent.kernel import weights
from jupyter_remote_gpu.agent.kernel.outgoing import push
from jupyter_remote_gpu.datasets.hub_calls import HubCalls
from jupyter_remote_gpu.datasets.hub_uploads import HubUploads
from jupyter_remote_gpu.datasets.model_card import Record
from jupyter_remote_gpu.session.cell_push import CellPush
from tests.datasets.emulators.hub import TOKEN, Hub

MODEL = """import torch

model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 8))
model[1].weight = model[0].weight
"""
TENSORS = "print({name: float(t.sum()) for name, t in sorted(weights.items())})"
SUMS = "print(float(model[0].weight.sum()), float(model[1].bias.sum()))"
FILES = "import os\nprint(open(os.path.join(folder, 'notes.txt')).read())"
PARTS = 100
"""A limit for a file's bytes at which a model goes into several."""


@pytest.fixture
def publish(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Publishes something, and returns the code on its card."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    cell = CellPush(lambda: Record(), trusted=True, uploads=HubUploads(HubCalls(endpoint=hub.url)))

    def publish(what: Any, repo: str, most: int = weights.MOST_BYTES) -> str:
        monkeypatch.setattr(weights.write_weights, "__defaults__", (most,))
        push(what, repo, lambda asked: cell.answer(asked, ""), say=lambda line: None)
        card = hub.repositories[f"models/{repo}"].commits[-1]["README.md"].decode()
        found = re.search(r"## How to load\n\n```python\n(.*?)\n```", card, re.DOTALL)
        assert found is not None
        return found[1].replace("model = ...  # made as in the cells below\n", MODEL)

    return publish


@pytest.mark.torch
def test_what_a_card_says_works(hub: Hub, tmp_path: Path, publish: Callable[..., str]) -> None:
    pytest.importorskip("huggingface_hub")
    pytest.importorskip("safetensors")
    numpy, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    (tmp_path / "notes.txt").write_text("some words")
    made: dict[str, Any] = {}
    exec(MODEL, made)
    model, tied = made["model"], torch.ones(4)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[1].bias.fill_(2.0)
    code = "\n".join(
        [
            *(publish(model, "alice/model"), SUMS),
            *(publish(model, "alice/parts", PARTS), SUMS),
            *(publish({"w": torch.ones(4)}, "alice/weights"), TENSORS),
            *(publish({"a": tied, "b": tied, "c": torch.ones(25)}, "alice/tied", PARTS), TENSORS),
            *(publish({"w": numpy.ones(4)}, "alice/arrays"), TENSORS),
            *(publish(tmp_path / "notes.txt", "alice/files"), FILES),
        ]
    )
    environ = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environ, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        *["64.0 16.0"] * 2,
        "{'w': 4.0}",
        "{'a': 4.0, 'b': 4.0, 'c': 25.0}",
        "{'w': 4.0}",
        "some words",
    ]
