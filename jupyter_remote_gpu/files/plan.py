"""What has to happen so that a project is the same here and on a machine again.

From three trees: what both sides agreed on last, what is here, what is there. A
side that is as agreed takes what the other one changed. Where both changed, the
version of here keeps the name on both sides and the other one is kept beside it;
a change wins over a deletion. Nothing is decided by clocks. Pure; no I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from jupyter_remote_gpu.chunks.tree import Entry, FolderEntry, Tree

from .returning import may_return, unsafe_to_load


class Do(enum.Enum):
    """What is to be done about one path."""

    SEND = "sent"
    FETCH = "brought back"
    DELETE_THERE = "deleted there"
    DELETE_HERE = "deleted here"
    KEEP_BOTH = "changed on both sides: both are kept"
    QUARANTINE = "put aside until you accept it"
    BLOCKED = "a file on one side and a folder on the other"
    AGREE = "the same on both sides already"
    FORGET = "gone on both sides"


@dataclass(frozen=True, slots=True)
class Agreed:
    """An entry that both sides had, and whether the machine made it or got it from here."""

    entry: Entry
    made_there: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one path, what lies there on each side, and why if that is odd.

    KEEP_BOTH is: bring the machine's version back under another name, then send
    the one of here. QUARANTINE brings it into a folder of its own, and sends the
    one of here, if there is one, so that both sides are the same again.
    """

    path: bytes
    do: Do
    here: Entry | None
    there: Entry | None
    reason: str = ""


@dataclass(slots=True)
class Plan:
    """The steps, by path; `unsafe` are files that come back and can run code when loaded."""

    steps: dict[bytes, Step] = field(default_factory=dict)
    unsafe: set[bytes] = field(default_factory=set)

    def of(self, *kinds: Do) -> list[Step]:
        """Return the steps of these kinds, parents before what lies in them."""
        return [self.steps[path] for path in sorted(self.steps) if self.steps[path].do in kinds]


def plan(
    agreed: Mapping[bytes, Agreed],
    here: Tree,
    there: Tree,
    *,
    trusted: bool,
    not_followed: Container[bytes] = frozenset(),
    paths: Iterable[bytes] | None = None,
) -> Plan:
    """Return what has to happen. `paths` are those that may differ; all, if None.

    `not_followed` has the paths that do not travel from here (any more): what
    lies there is not taken for deleted. From a machine that is not `trusted`
    only data returns by itself, and nothing that was sent from here changes.
    """
    if paths is None:
        paths = agreed.keys() | here.keys() | there.keys()
    found = Plan()
    for path in paths:
        one, two = here.get(path), there.get(path)
        last = agreed.get(path)
        was = last.entry if last is not None else None
        if one == two == was:
            continue
        left_out = one is None and _is_in(path, not_followed)
        step = _not_followed(path, was, two) if left_out else _followed(path, was, one, two)
        if step is not None and not trusted:
            step = _from_untrusted(step, last)
        if step is not None:
            found.steps[path] = step
            if step.do in (Do.FETCH, Do.KEEP_BOTH, Do.QUARANTINE) and unsafe_to_load(path):
                found.unsafe.add(path)
    _block(found)
    _keep_parents(found, here, there)
    return found


def _followed(path: bytes, was: Entry | None, one: Entry | None, two: Entry | None) -> Step:
    if one == two:
        return Step(path, Do.AGREE if one is not None else Do.FORGET, one, two)
    if two == was:
        return Step(path, Do.SEND if one is not None else Do.DELETE_THERE, one, two)
    if one == was:
        return Step(path, Do.FETCH if two is not None else Do.DELETE_HERE, one, two)
    if one is None:
        return Step(path, Do.FETCH, one, two, "deleted here, but changed there")
    if two is None:
        return Step(path, Do.SEND, one, two, "deleted there, but changed here")
    if isinstance(one, FolderEntry) or isinstance(two, FolderEntry):
        return Step(path, Do.BLOCKED, one, two, "it cannot be both")
    return Step(path, Do.KEEP_BOTH, one, two, "changed here and there")


def _not_followed(path: bytes, was: Entry | None, two: Entry | None) -> Step | None:
    """What does not travel from here may still come back: ignore files are about sending."""
    if two == was:
        return None
    if two is None:
        return Step(path, Do.FORGET, None, None)
    return Step(path, Do.FETCH, was, two)


def _from_untrusted(step: Step, last: Agreed | None) -> Step | None:
    ours = last is not None and not last.made_there
    if step.do is Do.DELETE_HERE:
        if ours:
            return Step(step.path, Do.SEND, step.here, None, "it came from here, and stays")
        return step
    if step.do not in (Do.FETCH, Do.KEEP_BOTH):
        return step
    if isinstance(step.there, FolderEntry):
        if step.here is not None:
            return Step(step.path, Do.BLOCKED, step.here, step.there, "it changes what is here")
        # The files in a folder that does not come wait each for itself.
        return step if may_return(step.path, step.there) is None else None
    if ours or step.do is Do.KEEP_BOTH:
        reason = "it changes what came from here"
    else:
        assert step.there is not None
        reason = may_return(step.path, step.there) or ""
    if not reason:
        return step
    return Step(step.path, Do.QUARANTINE, step.here, step.there, reason)


def _block(found: Plan) -> None:
    """Leave alone what lies below a path that cannot be decided."""
    blocked = [step.path for step in found.of(Do.BLOCKED)]
    for path, step in found.steps.items():
        if any(path.startswith(above + b"/") for above in blocked):
            found.steps[path] = Step(path, Do.BLOCKED, step.here, step.there, "in such a folder")


def _keep_parents(found: Plan, here: Tree, there: Tree) -> None:
    """Keep a folder that one side removed, if something in it is to be there."""
    for step in found.of(Do.SEND, Do.KEEP_BOTH, Do.FETCH):
        parent = step.path.rpartition(b"/")[0]
        while parent:
            above = found.steps.get(parent)
            if above is not None and above.do is Do.DELETE_HERE:
                found.steps[parent] = Step(parent, Do.SEND, here.get(parent), None)
            elif above is not None and above.do is Do.DELETE_THERE:
                found.steps[parent] = Step(parent, Do.FETCH, None, there.get(parent))
            parent = parent.rpartition(b"/")[0]


def _is_in(path: bytes, folders: Container[bytes]) -> bool:
    """Whether a path, or a folder it lies in, is among these."""
    while path:
        if path in folders:
            return True
        path = path.rpartition(b"/")[0]
    return False
