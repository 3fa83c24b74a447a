"""The demo on a machine that shares nothing with the notebook: only names travel."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples import demo
from tests import hard_machine

PINS = Path(__file__).resolve().parents[1] / "constraints.txt"


@pytest.mark.root
@pytest.mark.torch
@pytest.mark.long
def test_the_demo_runs_in_the_hard_mode(
    tmp_path: Path, machine_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = hard_machine.why_not()
    if reason is not None:
        pytest.skip(f"left out: {reason}")
    torch = next(line for line in PINS.read_text().splitlines() if line.startswith("torch=="))
    python = hard_machine.make_environment(tmp_path / "environment", torch)
    hidden = tmp_path / "results"
    hidden.mkdir()
    machine = hard_machine.make_machine(tmp_path / "machine", python, [hidden])
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    assert demo.main(["--quick", "--output", str(hidden)]) == 0
    assert (hidden / "output" / "alice.safetensors").is_file()
    assert list(machine.folder.iterdir()) == []
