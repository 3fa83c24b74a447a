"""The demo: a real, short run, and what it says when it cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples import demo
from examples.running.cells import code_cells
from examples.running.notebook import read


@pytest.mark.torch
@pytest.mark.slow
def test_a_quick_demo_leaves_its_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"

    code = demo.main(["--quick", "--output", str(folder)])

    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    curve = folder / "loss-curve.png"
    stored = folder / "quickstart.ipynb"
    assert curve.read_bytes().startswith(b"\x89PNG")
    assert all(node.execution_count for _, node in code_cells(read(stored)))
    assert (folder / "output" / "alice.safetensors").is_file()
    for line in ("remote Train, with a live loss curve", "60/60", "    Alice ", "    The Queen "):
        assert line in said.out
    assert str(curve) in said.out
    assert str(stored) in said.out


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "NEEDED", ("nbclient", "a_package_nobody_has"))

    assert demo.main([]) == 1
    said = capsys.readouterr().err
    assert "does not have: a_package_nobody_has." in said
    assert "make demo" in said


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "NEEDED", ("nbclient",))
    file = tmp_path / "file"
    file.touch()

    assert demo.main(["--output", str(file)]) == 1
    assert f"cannot write its results to {file}" in capsys.readouterr().err
