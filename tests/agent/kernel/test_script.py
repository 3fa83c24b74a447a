"""Files of a script are put in place whole, and only where they differ."""

from __future__ import annotations

from pathlib import Path

from jupyter_remote_gpu.agent.kernel.script import put_in_place


def test_files_are_put_in_place_where_they_differ(tmp_path: Path) -> None:
    overlay, root = tmp_path / "overlay", tmp_path / "root"
    for folder, name, text in (
        (overlay, "a/new.py", "new"),
        (overlay, "same.py", "same"),
        (overlay, "old.py", "changed"),
        (root, "same.py", "same"),
        (root, "old.py", "before"),
        (root, "theirs.txt", "theirs"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    before = (root / "same.py").stat().st_ino
    put_in_place(overlay, root)
    found = {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()}
    assert found == {
        "a/new.py": "new",
        "same.py": "same",
        "old.py": "changed",
        "theirs.txt": "theirs",
    }
    assert (root / "same.py").stat().st_ino == before
