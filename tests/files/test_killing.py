"""Killed at any point, an application leaves whole files, loses nothing, and can be repaired."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from jupyter_remote_gpu.files.folders import Folder
from jupyter_remote_gpu.files.staging import PLAN, Change, Staging, repair
from tests.files.trees import Chunks, read


def test_killed_at_every_step(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.files.killing", str(tmp_path)]
    done = subprocess.run(
        command, cwd=root, check=False, timeout=300, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_what_a_living_process_is_busy_with_stays(tmp_path: Path) -> None:
    with Folder.at(tmp_path) as root:
        staging = Staging(root, [Change(b"a", None, Chunks().entry("x"))])
        assert repair(tmp_path, "box") == []
        assert len(list(tmp_path.iterdir())) == 1
        staging.release()
    assert repair(tmp_path, "box") == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_known_to_nobody_goes_back(tmp_path: Path) -> None:
    """What lies in the staging folder and is neither old nor new is somebody's."""
    chunks = Chunks()
    with Folder.at(tmp_path) as root:
        staging = Staging(root, [Change(b"d/a.py", chunks.entry("old"), chunks.entry("new"))])
        folder = tmp_path / os.fsdecode(staging.name)
        (folder / "0").write_text("somebody's")
        staging.release()
    assert repair(tmp_path, "box") == [b"d/a.py"]
    assert read(tmp_path) == {"d": None, "d/a.py": "somebody's"}


def test_a_plan_that_was_cut_off_means_that_nothing_was_done(tmp_path: Path) -> None:
    folder = tmp_path / ".~rgpu-1"
    folder.mkdir()
    (folder / "plan").write_text('[["half')
    assert repair(tmp_path, "box") == []
    assert read(tmp_path) == {}


def test_the_plan_is_locked(tmp_path: Path) -> None:
    with Folder.at(tmp_path) as root:
        staging = Staging(root, [])
        with open(tmp_path / os.fsdecode(staging.name) / os.fsdecode(PLAN), "rb") as plan:
            try:
                fcntl.flock(plan, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locked = False
            except BlockingIOError:
                locked = True
        assert locked
        staging.discard()
