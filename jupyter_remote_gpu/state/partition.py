"""The lasting partition of a half's names into components: what a cell touched is walked again.

A component can only have changed if a cell had one of its names in reach. So
names that a cell had in reach together become one cluster that may be anything;
all others stay as they were found. What is reached through hidden places is met
again by what `clusters.Belongings` remembers.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .bindings import Bindings
from .cells import Cells
from .clusters import ORDINARY_OBJECTS, Belongings, Cluster
from .components import Walk
from .kinds import Kind, Kinds
from .namespace import is_hidden
from .placeholders import Placeholder


@dataclass(slots=True)
class Facts:
    """What a walk found out about the value of a name, whose id is `identity`; never changed."""

    identity: int
    needs: frozenset[str]
    size: int
    mutable: bool
    pinned: tuple[str, str] | None
    refers: frozenset[str]


_PLAIN = frozenset[str]()


class Partition:
    """Components of the values of `namespace`, kept from cell to cell.

    The owner says what a cell had in reach (`touch`) and what was bound
    (`rebound`, or `sync` to find out); `refresh` makes names exact before
    `component` and `facts` are asked for them. Not safe for several threads.
    """

    def __init__(self, namespace: dict[str, Any], cells: Cells) -> None:
        self._namespace = namespace
        self._cells = cells
        self._bindings = Bindings(namespace)
        self._clusters: dict[str, Cluster] = {}
        self._facts: dict[str, Facts] = {}
        self._pending: dict[Cluster, None] = {}  # neither exact nor put off
        self._belongings = Belongings()
        self._referring: dict[str, set[str]] = {}
        self._kinds = Kinds()
        self._modules = len(sys.modules)
        self.used = False

    def sync(self) -> tuple[list[str], list[str]]:
        """Find out which names were bound or deleted since the last time, and take note.

        Returns (bound or rebound, deleted); all names the first time.
        """
        bound, deleted = self._bindings.look()
        if bound or deleted:
            self.rebound([*bound, *deleted])
        return bound, deleted

    def rebound(self, names: Iterable[str]) -> None:
        """Note that names were bound, rebound or deleted, and may be linked to each other now."""
        self.used = True
        new: list[str] = []
        changed: set[str] = set()
        for name in names:
            if self._is_compound(name):
                new.append(name)
            else:
                self._drop(name)
            changed.update(self._referring.get(name, ()))
        self.touch([*new, *changed])

    def touch(self, names: Iterable[str]) -> None:
        """Note that one cell had all these names in reach: any may be linked to any now."""
        found: dict[Cluster, None] = {}
        new: list[str] = []
        for name in names:
            cluster = self._clusters.get(name)
            if cluster is not None:
                found[cluster] = None
            elif self._is_compound(name):
                new.append(name)
        if len(found) == 1 and not new:
            (only,) = found
            only.exact = only.put_off = False
            self._pending[only] = None
        elif found or new:
            self._merge(list(found), new)

    def touch_all(self) -> None:
        """Note that a cell may have had everything in reach."""
        self.touch(list(self._clusters))

    def refresh(self, names: Iterable[str]) -> bool:
        """Make the components of `names` exact; say whether anything was walked for it.

        Walks what cells had in reach since the last time, giants only if needed.
        """
        names = [n for n in names if self._is_compound(n)]
        if not names:
            return False
        unknown = [n for n in names if not self._is_known(n)]
        if unknown:
            self.rebound(unknown)
        required = {c for n in names if (c := self._clusters.get(n)) and not c.exact}
        if not required and not self._pending:
            return False
        with uncollected():
            self._walk(required)
        return True

    def component(self, name: str) -> tuple[str, ...]:
        """Return the sorted names of the component of `name`, which is exact."""
        cluster = self._clusters.get(name)
        return (name,) if cluster is None else cluster.names

    def facts(self, name: str) -> Facts:
        """Return what is known of the value of `name`, which is exact."""
        return self._facts.get(name) or Facts(0, _PLAIN, 0, False, None, _PLAIN)

    def exact_needs(self, name: str) -> frozenset[str] | None:
        """Return which names the value of `name` uses, None if it would have to be walked."""
        if not self._is_compound(name):
            return _PLAIN
        cluster = self._clusters.get(name)
        exact = cluster is not None and cluster.exact and self._is_known(name)
        return self._facts[name].needs if exact else None

    def _is_known(self, name: str) -> bool:
        """Say whether `name` is in a cluster, and still holds what was found if that is exact."""
        cluster = self._clusters.get(name)
        if cluster is None or not cluster.exact:
            return cluster is not None
        return self._facts[name].identity == id(self._namespace[name])

    def _is_compound(self, name: str) -> bool:
        """Say whether `name` holds a value here that has parts: no number, module, placeholder."""
        value = self._namespace.get(name)
        if self._modules != len(sys.modules):  # a library's types may be known now
            self._kinds, self._modules = Kinds(), len(sys.modules)
        if value is None or self._kinds.of(type(value)) is Kind.LEAF:
            return False
        return type(value) is not Placeholder and not is_hidden(name, value)

    def _merge(self, clusters: list[Cluster], new: list[str]) -> None:
        """Make one cluster that is to be walked of some and of names that are in none."""
        clusters.sort(key=lambda c: len(c.keys), reverse=True)
        merged = Cluster((*(n for c in clusters for n in c.names), *dict.fromkeys(new)))
        for cluster in clusters:
            self._belongings.inherit(merged, cluster)
            self._pending.pop(cluster, None)
        for name in merged.names:
            self._clusters[name] = merged
        self._pending[merged] = None

    def _drop(self, name: str) -> None:
        """Note that `name` holds nothing that could be linked any more."""
        cluster = self._clusters.pop(name, None)
        self._forget_facts(name)
        if cluster is not None:
            cluster.names = tuple(n for n in cluster.names if n != name)
            cluster.exact = cluster.put_off = False
            self._pending[cluster] = None

    def _forget_facts(self, name: str) -> None:
        facts = self._facts.pop(name, None)
        for other in facts.refers if facts is not None else ():
            self._referring[other].discard(name)

    def _walk(self, required: set[Cluster]) -> None:
        """Walk what is pending, up to a limit, and what is required, and settle all of it."""
        walk = Walk(self._namespace, self._belongings.owners)
        done: dict[Cluster, None] = {}
        todo = [*required, *self._pending]
        checked = 0
        while todo:
            cluster = todo.pop()
            if cluster not in done:
                done[cluster] = None
                self._add(walk, cluster, sys.maxsize if cluster in required else ORDINARY_OBJECTS)
            found = [(cluster, met) for met in walk.met]
            walk.met.clear()
            if not todo:
                for low, high, name in walk.ranges[checked:]:
                    near = self._belongings.overlapping(low, high)
                    found += [(self._clusters[name], met) for met in near]
                checked = len(walk.ranges)
            for finder, met in found:
                todo.append(met)
                if finder in required and met not in required:
                    required.add(met)
                    if met in done:  # it was walked up to the limit only
                        return self._walk(required)
        groups = list(dict.fromkeys(walk.components().values()))
        loose = {self._clusters[name] for name in walk.cut}
        for group in groups if loose else ():
            owners = {self._clusters[name] for name in group}
            if owners & loose and owners & required:
                return self._walk(required | owners)
        bundles = _bundles(loose, groups)
        unsettled = {name for bundle in bundles for name in bundle}
        for cluster in done:
            self._belongings.forget(cluster)
            self._pending.pop(cluster, None)
        ranges: dict[str, list[tuple[int, int]]] = {}
        for low, high, name in walk.ranges:
            ranges.setdefault(name, []).append((low, high))
        for group in groups:
            if unsettled.isdisjoint(group):
                self._settle(Cluster(group, exact=True), walk, ranges)
        for bundle in bundles:
            self._settle(Cluster(tuple(bundle), put_off=True), walk, ranges)

    def _add(self, walk: Walk, cluster: Cluster, limit: int) -> None:
        """Walk the names of a cluster; let go of those that hold nothing with parts any more."""
        values = {n: self._namespace[n] for n in cluster.names if self._is_compound(n)}
        self._cells.adopt(values, self._namespace)
        for name, value in values.items():
            walk.add(name, value, limit)
        for name in (
            set(cluster.names).difference(values) if len(values) < len(cluster.names) else ()
        ):
            self._clusters.pop(name, None)
            self._forget_facts(name)

    def _settle(
        self, cluster: Cluster, walk: Walk, ranges: dict[str, list[tuple[int, int]]]
    ) -> None:
        """Take over what was found out about the names of a cluster."""
        keys: list[object] = []
        stretches: list[tuple[int, int]] = []
        for name in cluster.names:
            self._clusters[name] = cluster
            self._forget_facts(name)
            keys += walk.keys(name, ORDINARY_OBJECTS + 1)
            stretches += ranges.get(name, ())
            if cluster.exact:
                self._facts[name] = self._found(name, walk)
                for other in walk.refers.get(name, ()):
                    self._referring.setdefault(other, set()).add(name)
        self._belongings.remember(cluster, keys, stretches)

    def _found(self, name: str, walk: Walk) -> Facts:
        return Facts(
            id(self._namespace[name]),
            self._read_by(name).union(walk.needs.get(name, ())),
            walk.sizes[name],
            name in walk.mutable,
            walk.pinned.get(name),
            frozenset(walk.refers.get(name, ())),
        )

    def _read_by(self, name: str) -> frozenset[str]:
        """Return what the statement reads that made the value of `name`, if one did."""
        definition = self._cells.definition(self._namespace[name])
        return _PLAIN if definition is None else self._cells.reads(definition) - {name}


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking through everything again and again meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _bundles(loose: Iterable[Cluster], groups: Iterable[tuple[str, ...]]) -> list[set[str]]:
    """Return the names that stay together because a part of them was walked up to a limit only."""
    bundles = [set(cluster.names) for cluster in loose]
    for group in groups if bundles else ():
        touching = [b for b in bundles if not b.isdisjoint(group)]
        if touching:
            bundles = [b for b in bundles if b.isdisjoint(group)]
            bundles.append(set(group).union(*touching))
    return bundles
