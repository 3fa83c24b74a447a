"""What is heard of files that Python opens or gives to a program."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.magic import file_opens
from jupyter_remote_gpu.magic.file_places import Places


def test_paths_that_are_no_texts_are_heard_of_too(tmp_path: Path) -> None:
    table, picture = tmp_path / "runs.db", tmp_path / "loss.png"
    opened: list[str] = []
    said: list[str] = []

    def listen(event: str, arguments: Sequence[Any]) -> None:
        opened.extend(Places(str(tmp_path), ["runs.db"]).of(event, arguments))
        if event in file_opens.STARTS:
            said.extend(file_opens.words_of(event, arguments))

    file_opens.listen(listen)
    try:
        with closing(sqlite3.connect(table)):
            assert opened == ["runs.db"]
        subprocess.run([sys.executable, "-c", "", picture], check=True)
        assert str(picture) in said
    finally:
        file_opens.forget(listen)
