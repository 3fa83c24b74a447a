"""What is said of a path of Kaggle's that a public notebook reads, and a machine does not have."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.magic.missing_data import asks_kaggle, missing_data_text

DATA = {"data/items": "kaggle://shop/items@3"}


def _error(path: str) -> dict[str, str]:
    text = f"[Errno 2] No such file or directory: '{path}'"
    return {"name": "FileNotFoundError", "value": text}


@pytest.mark.parametrize("top", ["/kaggle/input", "../input"])
def test_what_is_there_has_its_path(top: str) -> None:
    error = _error(f"{top}/items/train/1.csv")
    assert asks_kaggle(error)
    assert missing_data_text(error, "box", DATA) == (
        "kaggle://shop/items@3 is at data/items on box: read data/items/train/1.csv"
    )


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/kaggle/input/titanic/train.csv", "kaggle-competition://titanic"),
        ("../input/news", "kaggle://OWNER/news"),
        ("/kaggle/input", "kaggle://OWNER/NAME"),
    ],
)
def test_what_is_not_there_has_the_line_that_fetches_it(path: str, address: str) -> None:
    text = missing_data_text(_error(path), "box", DATA)
    assert text.startswith("box has no data ")
    assert f"{address}`" in text


def test_the_folder_that_cells_work_in_is_told() -> None:
    text = missing_data_text(_error("/kaggle/working/out.csv"), "box", DATA)
    assert text == "box has no /kaggle/working: cells work in the notebook's own folder there"


def test_other_files_are_none_of_kaggles() -> None:
    assert not asks_kaggle(_error("/data/kaggle/input/x"))
    assert not asks_kaggle({**_error("/kaggle/input/x"), "name": "ValueError"})
