"""All parts together, with packs in place of a wire: two folders come to agree, and lose nothing.

What `carry` and `sync` do here is what the two ends of the wire will do.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.lacking import lacking
from jupyter_remote_gpu.chunks.listing import Listed, names_of_nodes
from jupyter_remote_gpu.chunks.manifest import chunk_names
from jupyter_remote_gpu.chunks.packs import batches, pack, unpack
from jupyter_remote_gpu.chunks.store import MemoryStore
from jupyter_remote_gpu.chunks.tree import FileEntry
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.held import HeldChunks, first_of
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.plan import Agreed, Do, plan
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.staging import Change, other_names
from tests.files.trees import change_somewhere, read, write


class Sides:
    """Two folders, what they agreed on, and how much went from one to the other."""

    def __init__(self, folder: Path) -> None:
        for name in ("here", "there"):
            (folder / name).mkdir()
        here, there = folder / "here", folder / "there"
        self.here = Project(here, lambda: Ignore(here))
        self.there = Project(there, lambda: Ignore(there, sending=False, large_bytes=None))
        self.agreed: dict[bytes, Agreed] = {}
        self.carried = 0

    def sync(self) -> None:
        """Bring both to the same state."""
        self.here.scan()
        self.there.scan()
        here, there = self.here.index.tree(), self.there.index.tree()
        steps = plan(self.agreed, here, there, trusted=True, not_followed=self.here.left_out)
        back = [Change(s.path, s.here, s.there) for s in steps.of(Do.FETCH, Do.DELETE_HERE)]
        for step in steps.of(Do.KEEP_BOTH):
            folder, slash, name = step.path.rpartition(b"/")
            free = next(
                n for n in other_names(name, "box") if not self._is_here(folder + slash + n)
            )
            back.append(Change(folder + slash + free, None, step.there))
        self._carry(self.there, self.here, back)
        on = [
            Change(s.path, s.there, s.here)
            for s in steps.of(Do.SEND, Do.DELETE_THERE, Do.KEEP_BOTH)
        ]
        self._carry(self.here, self.there, on)
        for path, step in steps.steps.items():
            wins = step.there if step.do in (Do.FETCH, Do.DELETE_HERE) else step.here
            if wins is None:
                self.agreed.pop(path, None)
            elif step.do is not Do.BLOCKED:
                self.agreed[path] = Agreed(wins, made_there=step.do is Do.FETCH)

    def _is_here(self, path: bytes) -> bool:
        return os.path.lexists(self.here.root / os.fsdecode(path))

    def _carry(self, one: Project, other: Project, changes: Sequence[Change]) -> None:
        """Send what the other side lacks in packs, and apply the changes there."""
        source, held = HeldChunks(one.root, one.index), HeldChunks(other.root, other.index)
        arrived = MemoryStore()
        contents = [c.after.content for c in changes if isinstance(c.after, FileEntry)]
        for content in contents:
            if content.depth:
                names = names_of_nodes(Listed(content.name, content.depth - 1), source.get, 1 << 30)
                arrived.add((name, source.get(name)) for name in names)
        wanted = chunk_names(contents, source.get)
        for batch in batches(lacking(wanted, held.having(wanted))):
            frame = b"".join(pack([(name, source.get(name)) for name in batch]))
            self.carried += len(frame)
            arrived.add(unpack(memoryview(frame)))
        get = first_of(held.get, arrived.get)
        applied = Applier(other.root, other.index, get, who="box").apply(changes)
        assert (applied.conflicts, applied.refused) == ([], {})
        source.close()
        held.close()


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sides:
    """Two empty folders."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    return Sides(tmp_path)


def test_a_day_s_work(sides: Sides) -> None:
    here, there = sides.here.root, sides.there.root
    weights = random.Random(1).randbytes(3_000_000)
    write(
        here, {"train.py": "x = 1", "lib/net.py": "y", ".env": "SECRET=1", ".gitignore": "*.pt\n"}
    )
    write(here, {"w.bin": weights, "run.sh": "#!/bin/sh"})
    sides.sync()
    assert ".env" not in read(there)
    assert os.access(there / "run.sh", os.X_OK)
    # The run writes; what it wrote comes back, also what is never sent.
    write(there, {"out/loss.csv": "1,2", "out/model.pt": "weights", "__pycache__/t.pyc": "x"})
    sides.sync()
    assert (here / "out/model.pt").read_text() == "weights"
    assert "__pycache__" not in read(here)
    # An insertion in a large file carries little, a renamed folder nothing.
    sides.carried = 0
    write(here, {"w.bin": weights[:1_000_000] + b"inserted" + weights[1_000_000:]})
    sides.sync()
    assert (there / "w.bin").read_bytes() == (here / "w.bin").read_bytes()
    assert 0 < sides.carried < 600_000
    sides.carried = 0
    (here / "lib").rename(here / "nets")
    sides.sync()
    assert (there / "nets/net.py").read_text() == "y"
    assert not (there / "lib").exists()
    assert sides.carried == 0
    # Both change one file: both versions are there.
    write(here, {"train.py": "mine"})
    write(there, {"train.py": "theirs"})
    sides.sync()
    assert read(there)["train.py"] == read(here)["train.py"] == "mine"
    assert read(here)["train.kept-from-box.py"] == "theirs"
    assert "train.kept-from-box.py" not in read(there)
    before = (read(here), read(there))
    sides.sync()
    assert (read(here), read(there)) == before


@pytest.mark.parametrize("seed", range(8))
def test_random_work_on_both_sides(sides: Sides, seed: int) -> None:
    rnd = random.Random(seed)
    for n in range(12):
        for project in (sides.here, sides.there):
            for k in range(rnd.randrange(4)):
                change_somewhere(rnd, project.root, f"{project.root.name} {n} {k}")
        written = {text for side in (sides.here, sides.there) for text in read(side.root).values()}
        sides.sync()
        here = read(sides.here.root)
        assert {p: t for p, t in here.items() if "kept-from" not in p} == read(sides.there.root)
        sides.there.scan()
        agreed = {path: known.entry for path, known in sides.agreed.items()}
        assert agreed == sides.there.index.tree()
        # What somebody wrote in this round, on whichever side, is there still.
        new = {text for text in written if isinstance(text, str) and text.split()[1] == str(n)}
        assert new <= set(here.values())
