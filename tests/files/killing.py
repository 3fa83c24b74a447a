"""Kills an application of a tree at every one of its steps; run as a program, in its own process.

For each step: a fork does all up to it and ends there as if killed. Then the
tree is looked at: every file is the old one or the new one, whole, and nothing
of anybody else's is lost. Then it is repaired and applied again, and is the new
tree with nothing left over.
"""

from __future__ import annotations

import functools
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.files import placing, staging, swap
from jupyter_remote_gpu.files.staging import repair
from tests.files.trees import Place, Plain, read, with_folders, write

_BIG = random.Random(1).randbytes(200_000)
OLD: Plain = {
    "a.py": "a = 1",
    "d/b.py": "b = 1",
    "g/x.py": "x",
    "w.bin": _BIG,
    "m/f.py": "moves",
    "k": "-> a.py",
    "t": "file",
    "u/f": "in a folder",
}
NEW: Plain = {
    "a.py": "a = 2",
    "d/b.py": "b = 2",
    "n/n.py": "n",
    "n/deep/m.sh": "#! m",
    "w.bin": _BIG[:90_000] + b"x" + _BIG[90_000:],
    "moved/f.py": "moves",
    "k": "-> d",
    "t/f": "in a folder",
    "u": "file",
}
MINE = {"mine.txt": "mine", "g/mine.txt": "mine too"}
_STEPS = ("open", "write", "fchmod", "mkdir", "symlink", "unlink", "rmdir", "close")
_KILLED, _FINISHED, _FAILED = 9, 0, 1


def run(folder: Path, *, meddle: bool) -> int:
    """Kill at step 0, 1, 2 … until an application finishes; return how many steps there were."""
    step = 0
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        place = Place(folder / "p", OLD)
        write(place.root, MINE)
        code = _in_a_fork(functools.partial(_apply_until, place, step, meddle))
        _check(place, step, meddle)
        if code == _FINISHED:
            return step
        step += 1


def _in_a_fork(do: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            do()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(_FAILED)
        os._exit(_FINISHED)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (_KILLED, _FINISHED), code
    return code


def _apply_until(place: Place, last: int, meddle: bool) -> None:
    count = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            if count == last:
                os._exit(_KILLED)
            count += 1
            return real(*arguments, **named)

        return step

    if meddle:
        _meddle(place)
    for name in _STEPS:
        setattr(os, name, counted(getattr(os, name)))
    for name in ("exchange", "move_new", "replace"):
        setattr(placing, name, counted(getattr(placing, name)))
    setattr(staging, "move_new", counted(getattr(staging, "move_new")))  # noqa: B009, B010
    place.become(NEW)


def _meddle(place: Place) -> None:
    """Have somebody write to a file between the look at it and the exchange."""
    real = swap.exchange

    def exchange(one: Any, old: bytes, two: Any, new: bytes) -> bool:
        if new == b"a.py" and (place.root / "a.py").read_text() == "a = 1":
            (place.root / "a.py").write_text("somebody's")
            _sign(place).write_text("")  # by no step that is counted
        return real(one, old, two, new)

    setattr(placing, "exchange", exchange)  # noqa: B010


def _sign(place: Place) -> Path:
    """A file that is there if somebody has written."""
    return place.root.parent / "somebody wrote"


def _check(place: Place, step: int, meddle: bool) -> None:
    old, new = with_folders(OLD), with_folders(NEW)
    mine = with_folders(MINE)
    before = _without_staging(read(place.root))
    for name, text in before.items():
        allowed = [tree[name] for tree in (old, new, mine) if name in tree]
        if meddle and "a" in name:
            allowed += ["somebody's"]
        assert text in allowed or "kept-from" in name, (step, name)
    repair(place.root, "box")
    after = read(place.root)
    assert after == _without_staging(after), step
    assert after.items() >= MINE.items(), step
    # What was there before is there still, or what replaces it; nothing is gone but what goes.
    for name, text in old.items():
        assert text is None or name in after or name not in new or _is_between(name), (step, name)
    written = _sign(place).exists()
    place.project.scan()
    place.become(NEW)
    final = read(place.root)
    if written:
        assert "somebody's" in final.values(), (step, list(final))
    else:
        assert _differing(final, {**new, **mine}) == [], step
    assert [name for name in final if ".~rgpu" in name] == []


def _differing(one: Plain, other: Plain) -> list[str]:
    return [name for name in one.keys() | other.keys() if one.get(name, 0) != other.get(name, 0)]


def _is_between(name: str) -> bool:
    """Whether a path is a file in one tree and a folder in the other."""
    return name in ("t", "u", "u/f")


def _without_staging(found: dict[str, str | bytes | None]) -> dict[str, str | bytes | None]:
    return {name: text for name, text in found.items() if not name.startswith(".~rgpu")}


if __name__ == "__main__":
    for meddling in (False, True):
        steps = run(Path(sys.argv[1]) / "place", meddle=meddling)
        assert steps > 40, steps
