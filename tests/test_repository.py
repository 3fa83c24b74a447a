"""How far up a project reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.repository import is_repository, upwards


def test_the_walk_ends_at_the_repository_or_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    deep = tmp_path / "repo/a/b"
    deep.mkdir(parents=True)
    assert list(upwards(deep)) == [deep, deep.parent, tmp_path / "repo", tmp_path]
    (tmp_path / "repo/.git").write_text("gitdir: elsewhere\n")
    assert list(upwards(deep))[-1] == tmp_path / "repo"
    assert is_repository(tmp_path / "repo")


def test_without_either_it_goes_to_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    assert Path(tmp_path.anchor) in upwards(tmp_path)
