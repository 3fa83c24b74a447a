"""What a script's kernel leaves behind is kept to be read, and known for what it is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.handle import KernelDescription, KernelHandle
from jupyter_remote_gpu.agent.home import open_home
from jupyter_remote_gpu.protocol.scripts import script_key, script_of


@pytest.mark.parametrize(
    ("notebook", "kept"),
    [
        pytest.param(script_key("/home/ada/train.py"), True, id="a script's"),
        pytest.param("/home/ada/train.ipynb", False, id="a notebook's"),
    ],
)
def test_a_scripts_kernel_that_ended_is_kept(tmp_path: Path, notebook: str, kept: bool) -> None:
    home = open_home(tmp_path)
    folder = home.kernel("k")
    (folder / "journal").mkdir(parents=True)
    description = KernelDescription("k", notebook, "python", "/", 1, "", "", 0.0)
    lost = ("unknown", "it is gone")
    handle = KernelHandle(description, home, lambda: None, child=False, lost=lost)
    assert handle.kept_for_reading is kept
    assert abs(handle.ended_at - time.time()) < 60
    (folder / "ended").unlink()
    assert handle.ended_at == 0.0


def test_a_key_tells_scripts_from_notebooks() -> None:
    assert script_of(script_key("/a/b.py")) == "/a/b.py"
    assert script_of("/a/b.ipynb") == ""
