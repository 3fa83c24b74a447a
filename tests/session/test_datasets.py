"""Files of this computer, packed for a machine."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.sources import Sources
from jupyter_remote_gpu.datasets.unpacked import unpacked
from jupyter_remote_gpu.session.datasets import _packed


def test_two_names_of_one_file_are_two_files_there(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a.csv").write_text("1,2\n")
    os.link(folder / "a.csv", folder / "b.csv")
    reference = parse_reference(str(folder))
    resolved = Sources().of(reference).resolve(reference)
    unpacked(_packed(resolved, tmp_path), tmp_path / "there")
    found = {path.name: path.read_text() for path in (tmp_path / "there").iterdir()}
    assert found == {"a.csv": "1,2\n", "b.csv": "1,2\n"}
