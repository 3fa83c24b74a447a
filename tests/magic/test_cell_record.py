"""What a card is told of the cells that ran: of this notebook, and earlier ones on machines."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.magic.cell_record import record_of


def _run(source: str, started: float, status: str = "ok", **data: str) -> dict[str, Any]:
    return {"source": source, "started": started, "status": status, "datasets": data}


def test_cells_come_once_and_earlier_ones_before() -> None:
    runs = [
        _run("train(2)", 5.0, news="kaggle://o/news@2"),
        _run("old()", 1.0, news="kaggle://o/news@1"),
        _run("broken()", 2.0, "error", news="kaggle://o/never@1"),
    ]
    typed = {1: "import os", 2: "train(2)", 4: "plot()"}
    record = record_of(runs, typed, ["hf://datasets/a/b@c0ffee"])
    assert record.cells == ["old()", "import os", "train(2)", "plot()"]
    assert record.data == ["hf://datasets/a/b@c0ffee", "kaggle://o/news@1", "kaggle://o/news@2"]
