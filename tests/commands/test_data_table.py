"""The table of data on a machine, and what data are called there."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.data_table import data_text, keys_of, missing_text, placed_text
from jupyter_remote_gpu.commands.project_settings import WantedData
from jupyter_remote_gpu.datasets.remembered import Remembered
from jupyter_remote_gpu.datasets.sources import Sources
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.session.cell_data import ProjectData
from jupyter_remote_gpu.session.datasets import Placed

ROWS = [
    {
        "key": "news-1",
        "text": "kaggle://o/news@4",
        "name": "news",
        "bytes": 43_000_000,
        "files": 2,
        "used": 1_000.0,
        "whole": True,
        "going": False,
        "at": ["/srv/data/news"],
    },
    {
        "key": "squad-2",
        "text": "hf://datasets/rajpurkar/squad@abc",
        "name": "squad",
        "bytes": 10,
        "files": 0,
        "used": 1_090.0,
        "whole": False,
        "going": True,
        "at": [],
    },
]


def test_the_table_says_what_there_is_the_latest_first() -> None:
    lines = data_text(ROWS, now=1_100.0).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "name address size files last used state at",
        "squad hf://datasets/rajpurkar/squad@abc 10 bytes 10.0 s ago being fetched",
        "news kaggle://o/news@4 43.0 MB 2 1 min 40 s ago /srv/data/news",
    ]
    assert lines[0].index(" at") == lines[2].index(" /srv")


def test_data_are_named_as_the_user_knows_them() -> None:
    spelled = ("news", "news-1", "kaggle://o/news", "kaggle://o/news@4", "o/news")
    for word in (*spelled, "https://www.kaggle.com/datasets/o/news"):
        assert keys_of("box", ROWS, [word]) == ["news-1"]
    part = {**ROWS[0], "key": "part-3", "text": "hf://datasets/r/squad@abc/data/*"}
    assert keys_of("box", [part], ["hf://datasets/r/squad/data/*"]) == ["part-3"]
    assert keys_of("box", ROWS, ["news", "squad", "news-1"]) == ["news-1", "squad-2"]
    with pytest.raises(RequestError, match="others on box"):
        keys_of("box", ROWS, ["news", "others"])


def test_what_was_placed_is_said_with_its_size_and_place() -> None:
    placed = Placed("/w/data/n", "/kaggle/input/n", "k", 2_000, 1, (), ("a note",))
    assert placed_text("box", "kaggle://o/n@1", placed).splitlines() == [
        "kaggle://o/n@1 (2.0 KB, 1 file) is /w/data/n on box, also /kaggle/input/n",
        "a note",
    ]


def test_what_a_machine_lacks_is_named_without_what_signs_it(tmp_path: Path) -> None:
    project = ProjectData(tmp_path, Sources(), Remembered(tmp_path / "datasets.json"))
    wanted = [WantedData("https://u:pass@a.org/x.zip?sig=f00d&page=2"), WantedData("o/other")]
    assert missing_text("box", ROWS, wanted, project) == (
        "The project wants, and box has not: https://a.org/x.zip?page=2, o/other."
    )
    assert missing_text("box", ROWS, [], project) == ""
