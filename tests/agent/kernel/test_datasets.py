"""What a run records of its project's data."""

from __future__ import annotations

import json
from pathlib import Path

from jupyter_remote_gpu.agent.kernel.datasets import DatasetNames


def test_a_run_records_the_version_where_the_address_has_none(tmp_path: Path) -> None:
    names = DatasetNames(tmp_path, lambda address: "{}")
    names.folder = tmp_path / "project"
    web = {"key": "k", "text": "https://h.org/a.csv", "asked": [], "version": "v1"}
    kaggle = {"key": "l", "text": "kaggle://o/d@3", "asked": [], "version": ""}
    book = {str(names.folder): {"data/a.csv": web, "data/d": kaggle}}
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "placed.json").write_text(json.dumps(book))
    assert names.present() == {
        "data/a.csv": "https://h.org/a.csv (version v1)",
        "data/d": "kaggle://o/d@3",
    }
    found = names.named(names.folder / "data/a.csv" / "x")
    assert found is not None
    assert found.text == "https://h.org/a.csv"  # by which the other side knows them
