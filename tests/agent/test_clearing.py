"""Old agents and their parts go when nothing runs from them and nobody used them of late."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.clearing import clear_old
from jupyter_remote_gpu.agent.home import open_home


def make(base: Path, agent: str, site: str, *, old: bool = True) -> Path:
    """Install an agent by hand: a folder with a link to its part."""
    folder, part = base / "agents" / agent, base / "parts" / site
    folder.mkdir(parents=True)
    part.mkdir(parents=True, exist_ok=True)
    (folder / "site").symlink_to(f"../../parts/{site}")
    for path in (folder, part):
        if old:
            os.utime(path, (1e9, 1e9))
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base"


def test_what_nobody_needs_is_deleted_and_what_is_shared_stays(base: Path) -> None:
    own = make(base, "own", "site-new")
    make(base, "old", "site-old")
    make(base, "sharing", "site-new")
    make(base, "of-late", "site-late", old=False)
    (base / "parts" / "arriving").mkdir()
    assert sorted(clear_old(base, own)) == ["agents/old", "agents/sharing", "parts/site-old"]
    assert sorted(p.name for p in (base / "agents").iterdir()) == ["of-late", "own"]
    assert sorted(p.name for p in (base / "parts").iterdir()) == [
        "arriving", "site-late", "site-new",
    ]  # fmt: skip


def test_what_a_process_runs_from_is_kept(base: Path) -> None:
    own, running = make(base, "own", "site-a"), make(base, "running", "site-b")
    program = running / "kernel.py"
    program.write_text("print('ready', flush=True)\ninput()\n")
    os.utime(running, (1e9, 1e9))
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert clear_old(base, own) == []
        process.communicate(b"\n")
    assert clear_old(base, own) == ["agents/running", "parts/site-b"]


def test_an_agent_that_runs_from_somewhere_else_judges_nothing(base: Path, tmp_path: Path) -> None:
    make(base, "old", "site-old")
    assert clear_old(base, tmp_path / "checkout") == []


def test_the_folder_of_sockets_is_kept_fresh(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    home.lock.write_text("1")
    os.utime(home.lock, (1e9, 1e9))
    home.keep_fresh()
    assert home.lock.stat().st_mtime > 1.5e9
