"""Paths as they are said: every name visible, none a command to the terminal."""

from __future__ import annotations

import os

import pytest

from jupyter_remote_gpu.files.path_text import path_text


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"outputs/model.pt", "outputs/model.pt"),
        ("Übung/Modell ☕.pt".encode(), "Übung/Modell ☕.pt"),
        (b"caf\xe9.csv", "caf\\xe9.csv"),
        (b"two\nlines\x1b[2J", "two\\nlines\\x1b[2J"),
        ("report\u202efdp.exe".encode(), "report\\u202efdp.exe"),
        ("a\u200bb".encode(), "a\\u200bb"),
    ],
)
def test_what_cannot_be_seen_is_spelt_out(path: bytes, shown: str) -> None:
    assert path_text(path) == shown
    assert path_text(os.fsdecode(path)) == shown


def test_a_folder_is_seen_to_be_one() -> None:
    assert path_text(b"data/raw", is_folder=True) == "data/raw/"
