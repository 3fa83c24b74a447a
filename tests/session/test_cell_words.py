"""What a machine may ask for is what a cell's text names, whole."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.datasets.model_card import Record
from jupyter_remote_gpu.datasets.remembered import Remembered
from jupyter_remote_gpu.datasets.sources import Sources
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.session.cell_data import CellData, ProjectData
from jupyter_remote_gpu.session.cell_push import CellPush
from jupyter_remote_gpu.session.cell_words import texts_given_to, texts_in
from jupyter_remote_gpu.session.datasets import Where

CELL = 'paths = "a.b".split(".")\nnews = dataset("kaggle://o/news")\n'


@pytest.mark.parametrize("more", ["", "%time 1\n", "!ls\n"])
def test_texts_are_named_whole_with_magics_and_without(more: str) -> None:
    assert {".", "kaggle://o/news"} <= texts_in(more + CELL)
    assert not {"kaggle://o/new", "a", "/"} & texts_in(more + CELL)
    assert texts_given_to("dataset", more + CELL) == {"kaggle://o/news"}


@pytest.mark.parametrize(
    ("trusted", "address"),
    [
        (False, "."),
        (False, "/"),
        (False, "notes"),
        (True, "notes"),
        (False, "kaggle://o/new"),
    ],
)
def test_a_machine_gets_nothing_that_the_cell_does_not_name(
    tmp_path: Path, trusted: bool, address: str
) -> None:
    folder = tmp_path / "project"
    (folder / "notes").mkdir(parents=True)
    answered = _answer(folder, address, CELL, trusted=trusted)
    assert answered["kind"] == "NotAvailableError"
    assert "does not name" in answered["message"]


@pytest.mark.parametrize("trusted", [True, False])
def test_it_gets_what_the_cell_names(tmp_path: Path, trusted: bool) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(_PlacedThereError):
        _answer(tmp_path, "notes", 'dataset("notes")', trusted=trusted)


def test_a_cell_has_an_answer_whatever_goes_wrong_here(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for broken, words in (
        (PermissionError(13, "Permission denied", "notes/a.txt"), "denied: notes/a.txt"),
        (KeyError("https://h.org/?X-Goog-Signature=1"), "KeyError"),
    ):
        answered = _answer(tmp_path, "notes", 'dataset("notes")', trusted=True, fails=broken)
        assert answered["kind"] == "InternalError"
        assert answered["message"].endswith(words)


def test_a_run_that_is_shown_again_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    question = {"step": "begin", "repo": "alice/shop", "private": True, "files": []}
    answered = _answer(tmp_path, question, "", trusted=True)
    assert answered["kind"] == "NotAvailableError"
    assert "has ended" in answered["message"]
    own = _answer(tmp_path, question, 'push_to_hub(m, "alice/shop")', trusted=True)
    assert own["kind"] == "ProtocolError"  # no files, which is looked at before anybody is asked


class _PlacedThereError(BaseException):
    """Data would have been placed on the machine now."""


def _answer(
    folder: Path,
    asked: str | dict[str, Any],
    cell: str,
    *,
    trusted: bool,
    fails: BaseException | None = None,
) -> dict[str, str]:
    """Return what a machine is told that asks for an address, or to publish, while a cell runs."""
    (folder / "notes" / "a.txt").write_text("1")
    data = ProjectData(folder, Sources(), Remembered(folder / "remembered.json"))

    def placing(work: object) -> None:
        raise fails or _PlacedThereError

    asking = CellData(
        data,
        placing,  # type: ignore[arg-type]
        lambda: (Where(workspace="w"), ""),
        lambda step: None,
        lambda summary: contextlib.nullcontext(),
        trusted=trusted,
        push=CellPush(Record, trusted=trusted),
    )
    named = isinstance(asked, str)
    kind, fields = ("dataset", {"address": asked}) if named else ("publish", {"question": asked})
    event = Event(1, kind, 0.0, "run", None, fields)
    found: dict[str, str] = json.loads(asking.answer(event, cell))
    return found
