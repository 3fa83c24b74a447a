"""Rows of a project's files on this computer alone: `sync-look`, `sync-walk`, `sync-apply`."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_remote_gpu.chunks.tree import Entry
from jupyter_remote_gpu.files.apply import Applier
from jupyter_remote_gpu.files.held import HeldChunks
from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.index import Index
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.staging import Change
from jupyter_remote_gpu.files.watch import Watcher, watch

from . import far
from .figures import LIMIT, RATIO, Comparison, Scale, Target, in_turn, seconds
from .movers import local_seconds, need
from .sample_project import FULL, QUICK, SampleProject, contents, write_many

ROUNDS = 3
LOOK_TARGET = Target(RATIO, 1.0)
WALK_TARGET = Target(LIMIT, 0.06)
WATCHED_TARGET = Target(LIMIT, 0.01)
MANY_TARGET = Target(RATIO, 1.0)
APPLY_TARGET = Target(RATIO, 1.0)
MANY_FILES = 100_000
_SETTLED_SECONDS = 0.2
"""Stamps that are younger than a tick of the clock are not relied upon."""


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder in memory that is gone afterwards."""
    folder = far.scratch(name)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _project(folder: Path, index: Index | None = None) -> Project:
    return Project(folder, lambda: Ignore(folder), index)


def measure_look(scale: Scale) -> list[Comparison]:
    """Compare looks at the project with rsync, which walks or reads both of its sides."""
    need("rsync")
    rounds = scale.rounds or ROUNDS
    with scratch("look") as base:
        SampleProject(base / "here", QUICK if scale.quick else FULL)
        shutil.copytree(base / "here", base / "there")
        time.sleep(_SETTLED_SECONDS)
        known = _project(base / "here")
        known.scan()
        rsync = ["rsync", "-an", f"{base}/here/", f"{base}/there"]
        with contextlib.closing(watch(base / "here")) as watcher:
            taken = in_turn(
                rounds,
                {
                    "first": lambda: seconds(_project(base / "here").scan),
                    "read": lambda: local_seconds([*rsync, "-c"]),
                    "walk": lambda: seconds(known.scan),
                    "walked": lambda: local_seconds(rsync),
                    "watched": lambda: seconds(lambda: _look(known, watcher)),
                },
            )
    walked = "rsync -an"
    return [
        Comparison("first look", taken["first"], "rsync -anc", taken["read"], LOOK_TARGET),
        Comparison("nothing changed", taken["walk"], walked, taken["walked"], WALK_TARGET),
        Comparison(
            "nothing changed, watched", taken["watched"], walked, taken["walked"], WATCHED_TARGET
        ),
    ]


def _look(project: Project, watcher: Watcher) -> None:
    paths = watcher.changed()
    if paths is None:
        project.scan()
    else:
        project.look_at(paths)


def measure_walk(scale: Scale) -> list[Comparison]:
    """Compare a walk over very many files, none of them changed, with `find` and rsync."""
    need("rsync")
    count = 2_000 if scale.quick else MANY_FILES
    with scratch("walk") as base:
        write_many(base / "here", count)
        shutil.copytree(base / "here", base / "there")
        time.sleep(_SETTLED_SECONDS)
        known = _project(base / "here")
        known.scan()
        find = ["find", f"{base}/here", "-newer", f"{base}/there"]
        rsync = ["rsync", "-an", f"{base}/here/", f"{base}/there"]
        taken = in_turn(
            scale.rounds or ROUNDS,
            {
                "ours": lambda: seconds(known.scan),
                "find": lambda: local_seconds(find),
                "rsync": lambda: local_seconds(rsync),
            },
        )
    what = f"{count:,} files, none changed"
    return [
        Comparison(what, taken["ours"], "rsync -an", taken["rsync"], MANY_TARGET),
        Comparison(what, taken["ours"], "find -newer", taken["find"], Target(RATIO, 3.0)),
    ]


def measure_apply(scale: Scale) -> list[Comparison]:
    """Compare writing a whole project, every chunk verified, with a local rsync."""
    need("rsync")
    with scratch("apply") as base:
        sample = SampleProject(base / "here", QUICK if scale.quick else FULL)
        known = _project(base / "here")
        known.scan()
        tree = known.index.tree()
        taken = in_turn(
            scale.rounds or ROUNDS,
            {
                "ours": lambda: _applied(known, tree, base / "ours"),
                "rsync": lambda: _copied(base / "here", base / "rsync"),
            },
        )
        _applied(known, tree, base / "ours", remove=False)
        wrong = contents(base / "ours") != sample.contents()
    problems = ["the files that were written are not those of the project"] if wrong else []
    what = "a project written"
    return [
        Comparison(what, taken["ours"], "rsync -a", taken["rsync"], APPLY_TARGET, problems=problems)
    ]


def _applied(
    source: Project, tree: dict[bytes, Entry], folder: Path, *, remove: bool = True
) -> float:
    folder.mkdir()
    held = HeldChunks(source.root, source.index)
    changes = [Change(path, None, tree[path]) for path in sorted(tree)]
    taken = seconds(lambda: Applier(folder, Index(), held.get, who="box").apply(changes))
    held.close()
    if remove:
        shutil.rmtree(folder)
    return taken


def _copied(source: Path, folder: Path) -> float:
    taken = local_seconds(["rsync", "-a", f"{source}/", str(folder)])
    shutil.rmtree(folder)
    return taken
