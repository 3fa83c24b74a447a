"""Devices chosen here, for a machine that has a GPU: a simulated one, seen through nvidia-smi."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.magic.devices import Choice, DeviceChoices
from tests.notebook import Notebook

ACCELERATOR = '''
"""A library that finds its GPU in the machine's Python only."""
import sys

def is_available():
    return "jupyter_remote_gpu.agent.kernel.kernel" in sys.modules
'''
CHOOSE = "import accelerator\ndevice = 'cuda' if accelerator.is_available() else 'cpu'"
STATEMENT = "device = 'cuda' if accelerator.is_available() else 'cpu'"


@pytest.fixture
def notebook(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Notebook]:
    """A notebook whose machine has a simulated GPU, which is idle."""
    tools = tmp_path / "tools"
    tools.mkdir()
    smi = tools / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'Simulated GPU, 24576, 1, 0'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "notebook"
    folder.mkdir()
    (folder / "accelerator.py").write_text(ACCELERATOR)
    opened = Notebook(home, folder)
    yield opened
    opened.close()
    end_machine(home)


def test_a_device_of_here_is_told_of_once_and_redone(notebook: Notebook) -> None:
    notebook.run(CHOOSE)
    notebook.run("def place():\n    return device")
    line = notebook.remote("print(place())").line()
    assert (
        "embedded ▸ device is 'cpu', chosen on this computer; embedded has a GPU (Simulated GPU)."
        f" `%remote_gpu redo device` runs there: {STATEMENT}"
    ) in line
    assert "chosen on this computer" not in notebook.remote("print(place())").line()
    assert STATEMENT in notebook.run("%remote_gpu redo device").line()
    assert notebook.remote("print(place())").text() == "cuda\n"
    assert notebook.run("print(device)").text() == "cuda\n"
    notebook.run(CHOOSE)
    assert "chosen on this computer" in notebook.remote("print(device)").line()
    assert notebook.run("%remote_gpu redo nothing").ename() == "RequestError"


def test_a_setting_redoes_it_without_a_word_of_the_user(notebook: Notebook) -> None:
    notebook.run("get_ipython().config.RemoteGPU.redo_devices = True")
    notebook.run("%reload_ext jupyter_remote_gpu")
    notebook.run(CHOOSE)
    shown = notebook.remote("print(device)")
    assert shown.text() == "cuda\n"
    assert "chosen again there" in shown.line()


def test_an_idle_gpu_is_told_of_once(notebook: Notebook) -> None:
    notebook.run(
        "from jupyter_remote_gpu.session.gpu_watch import GpuWatch\n"
        "GpuWatch.idle_seconds, GpuWatch.sample_seconds = 0.3, 0.1"
    )
    code = "import threading\n# torch is used here\nthreading.Event().wait({})"
    line = notebook.remote(code.format(3)).line()
    assert line.count("the GPU is idle") == 1
    assert "the GPU is idle" not in notebook.remote("pass").line()


@pytest.mark.parametrize(
    ("source", "names", "found"),
    [
        (STATEMENT, {"device": "cpu"}, [Choice("device", "cpu", STATEMENT)]),
        (STATEMENT, {"device": "cuda"}, []),
        (STATEMENT, {}, []),
        ("device = 'cpu'", {"device": "cpu"}, []),
        ("if a.is_available():\n    d = 'cuda'\nelse:\n    d = 'mps'", {"d": "mps"}, None),
        ("device = choose(", {"device": "cpu"}, []),
    ],
)
def test_a_text_counts_if_a_question_led_to_it(
    source: str, names: dict[str, Any], found: list[Choice] | None
) -> None:
    choices = DeviceChoices()
    choices.note(source)
    expected = [Choice("d", "mps", source)] if found is None else found
    assert choices.made_here(["device", "d", "x"], names) == expected


def test_a_torch_device_counts_whoever_made_it() -> None:
    torch = pytest.importorskip("torch")
    choices = DeviceChoices()
    choices.note("device = torch.device(args.device)")
    (found,) = choices.made_here(["device"], {"device": torch.device("mps")})
    assert (found.name, found.device) == ("device", "mps")
    assert choices.made_here(["device"], {"device": torch.device("cuda:1")}) == []
    assert choices.made_here(["other"], {"device": torch.device("cpu")}) == []
