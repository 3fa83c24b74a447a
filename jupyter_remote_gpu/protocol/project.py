"""What client and agent say about a project's files.

A tree is said by the name of its root (`base`, `root`: hexadecimal, with the depth
of its list), which stands for all that lies in it. The nodes that the other side
lacks, and the chunks of files, travel as packs, in blobs. Paths never travel in
a head: they are bytes in no encoding, and stand in the nodes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from .messages import Message, Run, message


def path_mark(path: bytes) -> str:
    """Return what stands for a path in a head: heads have texts, of limited length."""
    return hashlib.blake2b(path, digest_size=16).hexdigest()


@message("look_project")
@dataclass(frozen=True, slots=True, kw_only=True)
class LookProject(Message):
    """Ask how a workspace's files are now. Answer: a tree, as far as the asker lacks it.

    `base` is the tree that the asker knows, "" for none. `root` and `depth` name
    the tree as it is; `based` says whether the agent knows `base` too: the nodes in
    the answer's first blob are those that `base` has not, or all. If it does,
    chunks of changed files come along, the smallest files first, up to `most_bytes`.
    With `fresh` nothing that a watcher says is relied upon.
    """

    request: int
    workspace: str
    base: str = ""
    depth: int = 0
    most_bytes: int = 0
    fresh: bool = False


@message("find_project")
@dataclass(frozen=True, slots=True, kw_only=True)
class FindProject(Message):
    """Ask for paths of a workspace, whether they would come by themselves or not.

    The blob has paths, folders or patterns, with NUL between them. Answer: as that
    of `look_project`, the tree of what fits alone.
    """

    request: int
    workspace: str


@message("lacking_chunks")
@dataclass(frozen=True, slots=True, kw_only=True)
class LackingChunks(Message):
    """Ask which of these chunks the machine lacks; their names are the blob, and the answer's."""

    request: int
    workspace: str


@message("put_chunks")
@dataclass(frozen=True, slots=True, kw_only=True)
class PutChunks(Message):
    """Keep the chunks of a pack, the blob, on the machine."""

    request: int
    workspace: str


@message("give_chunks")
@dataclass(frozen=True, slots=True, kw_only=True)
class GiveChunks(Message):
    """Ask for chunks by name; the answer's blob is a pack of those that are there.

    With `lists` each name is followed by a byte, the depth of a file's list, and
    all nodes of these lists are asked for.
    """

    request: int
    workspace: str
    lists: bool = False


@message("change_project")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProject(Message):
    """Make a workspace's files what `root` says where they differ from `base`.

    The blob is a pack of nodes and chunks; others must be on the machine already.
    `who` names the side whose versions come, for the names of conflicting ones.
    What somebody changed there since `base` stays. Answer: as that of
    `look_project`, the tree as it is afterwards, and `refused`: {mark of a
    path (`path_mark`): why it could not be written}. ProjectChangedError if `base` is
    not known there.
    """

    request: int
    workspace: str
    base: str
    depth: int
    root: str
    root_depth: int
    who: str


@message("run_with")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunWith(Run):
    """Run a cell once the files are what its client says: nothing else is there before it runs.

    `project` has `workspace`, `base`, `depth`, `root`, `root_depth`, `who` as
    `ChangeProject` has them; its blob is the last one, the others are the run's.
    ProjectChangedError, and nothing was changed or run, if what lies there is not
    `base`, but for files that came in addition or that this does not touch.
    """

    project: dict[str, Any] = field(default_factory=dict)


@message("wrote")
@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote(Message):
    """Word of an agent, before a run's end: how the files of the kernel's workspace are now.

    `root` is "" if they could not be looked at.
    """

    kernel: str
    root: str
    depth: int
