"""A look at the files of here that was stopped in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import MachineError
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.watch import why_not
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.sync_here import Here
from tests.files.trees import write

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")
PIECE = 33 << 20
"""So much is read between two words of how far a look is."""


def test_what_a_stopped_look_had_read_is_found_by_the_next(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, {"a.py": "1", "lib/b.py": "2"})
    here = Here(root, tmp_path / "state", "box")
    write(root, {"m.bin": "x" * PIECE})
    with pytest.raises(MachineError, match="stopped"):
        here.look(stopped)
    assert {b"a.py", b"lib/b.py", b"m.bin"} <= here.look()
    assert {b"a.py", b"lib/b.py", b"m.bin"} <= here.tree.keys()
    # The same in the middle of a day, where what was read is a change.
    before = here.tree[b"a.py"]
    write(root, {"a.py": "edited", "m.bin": "y" * PIECE})
    with pytest.raises(MachineError, match="stopped"):
        here.look(stopped)
    assert {b"a.py", b"m.bin"} == here.look()
    assert here.tree[b"a.py"] != before
    assert here.look() == set()
    here.close()


def test_the_second_look_walks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "project"
    write(root, {"a.py": "1"})
    if why_not(root):
        pytest.skip(why_not(root))
    here = Here(root, tmp_path / "state", "box")
    here.look()
    monkeypatch.delattr(Project, "scan")
    write(root, {"b.py": "2"})
    assert b"b.py" in here.look()
    here.close()


def stopped(step: Step) -> None:
    raise MachineError("making box ready was stopped")
