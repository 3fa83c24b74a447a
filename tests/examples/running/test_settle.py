"""The form in which an executed notebook is stored."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode, from_dict

from examples.running.settle import on_screen, settle


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain\n", "plain\n"),
        ("\r 0%\r 50%\r100%\nnext", "100%\nnext"),
        ("long line\rshort", "shortline"),
        ("abc\b\bX", "aXc"),
        ("\b\ba", "a"),
    ],
)
def test_what_stays_on_the_screen(written: str, shown: str) -> None:
    assert on_screen(written) == shown


def test_streams_are_joined_and_what_the_run_left_is_removed() -> None:
    def stream(name: str, text: str) -> dict[str, str]:
        return {"output_type": "stream", "name": name, "text": text}

    display = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "1"}}
    notebook: NotebookNode = from_dict(  # type: ignore[no-untyped-call]
        {
            "metadata": {"widgets": {}, "language_info": {"name": "python", "version": "3.1"}},
            "cells": [
                {
                    "cell_type": "code",
                    "metadata": {"execution": {"a": 1}, "tags": ["samples"]},
                    "outputs": [
                        stream("stderr", "\r 1%"),
                        display,
                        stream("stdout", "a"),
                        stream("stderr", "\r99%"),
                        stream("stdout", "b\n"),
                    ],
                }
            ],
        }
    )

    settle(notebook)

    assert notebook == {
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "cells": [
            {
                "cell_type": "code",
                "metadata": {"tags": ["samples"]},
                "outputs": [stream("stderr", "99%"), display, stream("stdout", "ab\n")],
            }
        ],
    }
