"""The rules of comparison: what may differ, and what is found when it does."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import matplotlib.image
import numpy as np
import pytest
from nbformat import NotebookNode, from_dict

from examples.running.compare import differences, picture_fault, same_text


def notebook(*outputs: Mapping[str, object], tags: tuple[str, ...] = ()) -> NotebookNode:
    """A settled notebook of one cell that shows `outputs`."""
    cell = {
        "id": "cell",
        "cell_type": "code",
        "source": "# Train\ntrain()",
        "metadata": {"tags": list(tags)},
        "execution_count": 1,
        "outputs": list(outputs),
    }
    made: NotebookNode = from_dict(  # type: ignore[no-untyped-call]
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    )
    return made


def text(shown: str, stream: str = "stdout") -> dict[str, object]:
    """A stream's output."""
    return {"output_type": "stream", "name": stream, "text": shown}


def picture(width: int, height: int, *, blank: bool = False) -> bytes:
    """A PNG with a diagonal line, or with nothing."""
    pixels = np.ones((height, width, 3))
    if not blank:
        pixels[np.arange(min(width, height)), np.arange(min(width, height))] = 0
    file = io.BytesIO()
    matplotlib.image.imsave(file, pixels, format="png")
    return file.getvalue()


def shown_picture(data: bytes) -> dict[str, object]:
    """The display of a PNG."""
    encoded = {"image/png": base64.b64encode(data).decode(), "text/plain": "<Figure>"}
    return {"output_type": "display_data", "metadata": {}, "data": encoded}


@pytest.mark.parametrize(
    ("stored", "executed"),
    [
        ("loss 1.71", "loss 1.74"),
        ("took 3.2 s", "took 11 s"),
        ("<Styler at 0x7f3549140850>", "<Styler at 0x7f0000000850>"),
        ("saved to /tmp/a1/model.bin", "saved to /home/me/other/model.bin"),
        ("saved 1.6 MB", "saved 980 KB"),
        ("a   b\n", "a b"),
        (
            "100%|███| 600/600 [00:28<00:00, 21.1it/s, loss=1.70]",
            "100%|███| 600/600 [01:08<00:00,  8.8it/s, loss=1.72]",
        ),
    ],
)
def test_what_differs_from_run_to_run_is_the_same(stored: str, executed: str) -> None:
    assert same_text(stored, executed)


@pytest.mark.parametrize(
    ("stored", "executed"),
    [
        ("loss 1.71", "loss 1.91"),
        ("408,960 weights", "408,961 weights"),
        ("3 wrong", "4 wrong"),
        ("loss 1.71", "loss nan"),
        ("True", "False"),
        ("a\nb", "b\na"),
        ("100%| 600/600 [00:28<00:00, 21.1it/s]", "99%| 599/600 [00:28<00:00, 21.1it/s]"),
    ],
)
def test_other_results_are_found(stored: str, executed: str) -> None:
    assert not same_text(stored, executed)


def test_a_difference_names_the_cell_and_shows_a_diff() -> None:
    (found,) = differences(notebook(text("a\nright\n")), notebook(text("a\nwrong\n")))

    assert str(found) == (
        "[1/1] local  Train: stdout differs\n"
        "--- stored\n+++ executed\n@@ -1,2 +1,2 @@\n a\n-right\n+wrong"
    )


def test_a_missing_or_further_output_is_found() -> None:
    one, two = notebook(text("a")), notebook(text("a"), text("b", "stderr"))

    assert [d.what for d in differences(one, two)] == ["other kinds of output"]
    assert [d.what for d in differences(two, one)] == ["other kinds of output"]


def test_an_error_is_found() -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}

    (found,) = differences(notebook(), notebook(error))

    assert "ValueError: no" in found.diff


def test_a_table_is_compared_by_its_text() -> None:
    def table(value: str, identity: str) -> NotebookNode:
        html = f'<table id="{identity}"><tr><td>{value}</td></tr></table>'
        data = {"text/html": html, "text/plain": f"  {value}"}
        return notebook({"output_type": "display_data", "metadata": {}, "data": data})

    assert differences(table("98.44", "T_1"), table("98.22", "T_2")) == []
    assert [d.what for d in differences(table("98.44", "T_1"), table("48.22", "T_1"))] == [
        "text/html differs",
        "text/plain differs",
    ]


def test_pictures_are_compared_by_size_and_by_showing_something() -> None:
    assert picture_fault(picture(100, 50), picture(104, 52)) is None
    assert picture_fault(picture(100, 50), picture(150, 50)) == (
        "the picture was 100 × 50 pixels and is now 150 × 50"
    )
    assert picture_fault(picture(100, 50), picture(100, 50, blank=True)) == (
        "the picture is of one colour"
    )


def test_a_picture_of_a_cell_is_looked_at() -> None:
    stored = notebook(shown_picture(picture(100, 50)))
    blank = notebook(shown_picture(picture(100, 50, blank=True)))

    assert differences(stored, stored) == []
    assert [d.what for d in differences(stored, blank)] == ["the picture is of one colour"]


def test_generated_text_may_differ_in_its_words_alone() -> None:
    def written(shown: str) -> NotebookNode:
        return notebook(text(shown), tags=("generated",))

    stored = written("Alice was beginning to get very tired")

    assert differences(stored, written("Alice saw beginnings of very tireds!!")) == []
    assert [d.what for d in differences(stored, written("Alice"))] == [
        "the written text had 37 characters and now has 5"
    ]
    assert [
        d.what for d in differences(stored, written("Hatter was beginning to get very tire"))
    ] == ["the written text begins with another word"]


def test_the_quiet_line_that_says_what_moved_may_be_there_or_not() -> None:
    line = {
        "output_type": "display_data",
        "metadata": {"remote_gpu": {"line": True}},
        "data": {"text/plain": "embedded ▸ sent 27 bytes: a"},
    }

    assert differences(notebook(text("a")), notebook(line, text("a"))) == []


def test_notebooks_with_other_cells_are_not_compared() -> None:
    other = notebook()
    other.cells[0].source = "something_else()"

    with pytest.raises(ValueError, match="different cells"):
        differences(notebook(), other)
