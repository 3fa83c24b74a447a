"""A cluster: names that share mutable objects, or that may share some until they are walked again.

And the memory of what belongs to which cluster: objects and storages by id,
arrays by address. These are hints. They may be out of date, so whoever finds one
walks the cluster again; they make sure that a value which a cell got from a
hidden place (a library's cache, a default argument) meets the names it belongs to.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

ORDINARY_OBJECTS = 20_000
"""A component of more objects is a giant: it is walked again only when it is needed."""
OUTER_OBJECTS = 1_000
"""How many objects of a giant are remembered: those near its names."""
REMEMBERED_OBJECTS = 200_000
"""How many objects are remembered in all; later components are remembered as giants are."""


@dataclass(slots=True, eq=False)
class Cluster:
    """`exact`: these names are a component. Else they may have been linked since the last walk.

    `put_off`: it is not exact, but too large to be walked before it is needed.
    """

    names: tuple[str, ...]
    exact: bool = False
    put_off: bool = False
    keys: list[object] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)


class Belongings:
    """Which cluster an object, a storage or a stretch of memory belonged to when last walked."""

    def __init__(self) -> None:
        self.owners: dict[object, Cluster] = {}
        self._spans: list[tuple[int, int, int]] = []  # low, high, id of the cluster
        self._clusters: dict[int, Cluster] = {}  # those with spans, by id

    def remember(
        self, cluster: Cluster, keys: Sequence[object], ranges: Iterable[tuple[int, int]]
    ) -> None:
        """Note what was found below a cluster: all of it, or its outer objects if that is much."""
        many = len(keys) > ORDINARY_OBJECTS
        if many or len(self.owners) + len(keys) > REMEMBERED_OBJECTS:
            keys = keys[:OUTER_OBJECTS]
        cluster.keys = [key for key in keys if key not in self.owners]
        self.owners.update(dict.fromkeys(cluster.keys, cluster))
        cluster.ranges = joined(ranges)
        for low, high in cluster.ranges:
            insort(self._spans, (low, high, id(cluster)))
        if cluster.ranges:
            self._clusters[id(cluster)] = cluster

    def forget(self, cluster: Cluster) -> None:
        """Note that what was found below a cluster counts no more."""
        for key in cluster.keys:
            if self.owners.get(key) is cluster:
                del self.owners[key]
        for low, high in cluster.ranges:
            at = bisect_left(self._spans, (low, high, id(cluster)))
            if self._spans[at : at + 1] == [(low, high, id(cluster))]:
                del self._spans[at]
        self._clusters.pop(id(cluster), None)
        cluster.keys, cluster.ranges = [], []

    def inherit(self, heir: Cluster, cluster: Cluster) -> None:
        """Let `heir` own what `cluster` owned."""
        keys, ranges = cluster.keys, cluster.ranges
        self.forget(cluster)
        self.owners.update(dict.fromkeys(keys, heir))
        heir.keys += keys
        for low, high in ranges:
            insort(self._spans, (low, high, id(heir)))
        heir.ranges += ranges
        if heir.ranges:
            self._clusters[id(heir)] = heir

    def overlapping(self, low: int, high: int) -> list[Cluster]:
        """Return the clusters that had memory in [low, high)."""
        found = []
        at = bisect_right(self._spans, (low,))
        if at and self._spans[at - 1][1] > low:
            found.append(self._clusters[self._spans[at - 1][2]])
        while at < len(self._spans) and self._spans[at][0] < high:
            found.append(self._clusters[self._spans[at][2]])
            at += 1
        return found


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the unions of ranges that overlap, sorted."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found
