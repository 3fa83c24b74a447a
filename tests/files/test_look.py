"""One walk: folders that are as before are dealt with in fewer steps, and with the same result."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.scan import Project


@pytest.mark.parametrize("seed", range(6))
def test_any_later_scan_finds_what_a_first_one_would(tmp_path: Path, seed: int) -> None:
    rnd = random.Random(seed)
    project = _project(tmp_path)
    for step in range(25):
        _random_change(rnd, tmp_path, step)
        project.scan()
        fresh = _project(tmp_path)
        fresh.scan()
        assert project.index.tree() == fresh.index.tree(), step
        assert project.left_out == fresh.left_out, step


def _random_change(rnd: random.Random, root: Path, step: int) -> None:
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    path = rnd.choice(folders) / rnd.choice(["a.py", "b.pt", "c", "d", ".gitignore", "pyvenv.cfg"])
    what = rnd.randrange(5)
    if path.is_dir():
        if what == 0:
            path.rename(path.with_name(f"e{step}"))
    elif path.exists() and what < 3:
        path.unlink()
    elif path.name == ".gitignore":
        path.write_text(rnd.choice(["*.pt\n", "d\n", "/c\n", ""]))
    elif path.name in ("c", "d") and not path.exists():
        path.mkdir()
    else:
        path.write_text(f"{step} " * rnd.randrange(3))


def _project(root: Path) -> Project:
    return Project(root, lambda: Ignore(root))
