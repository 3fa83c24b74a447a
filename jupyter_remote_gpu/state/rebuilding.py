"""How a value that arrived becomes an object again; which way is fixed when a half is made.

`Half` is given one way by its owner: the machine's side and a trusting home
take pickles (`unpickling`), a home that does not trust takes plain data
(`plain.receiving`). Nothing in a message can choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_remote_gpu.protocol.state import Definition, Item, Parcel

from .namespace import Rebinding

if TYPE_CHECKING:
    from .half import Half

_Item = TypeVar("_Item", bound=Item)

Overlays = list[tuple[type, dict[str, Any]]]
"""Classes and the data they have on the other side."""


Define = Callable[["Half", Parcel, Rebinding], dict[str, Any]]
Values = Callable[["Half", Parcel, Sequence[Any], Rebinding], tuple[dict[str, Any], Overlays]]


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A way to rebuild.

    `define` runs the definitions of a parcel and returns what they made by name;
    `values` does that too, decodes the parcel (`buffers[0]` is its head, the
    others what arrays live in), binds its names, and returns the values by name
    and the data of its classes, which the caller applies when nothing can fail
    any more. Both raise whatever rebuilding raises; the caller then undoes `bound`.
    """

    define: Define
    values: Values


def only_defines(names: Iterable[str], definitions: Iterable[Definition]) -> bool:
    """Say whether all of some names are made by statements: then only their data is decoded."""
    return {d.name for d in definitions if d.bound} == set(names)


def in_two_steps(items: Iterable[_Item]) -> Iterator[tuple[_Item, bool]]:
    """Yield items in the order to rebuild them; with True, only their definitions are to run.

    What a class holds may be of classes that are built on it (a registry): its
    statement comes at its place, its data after everything else.
    """
    later = []
    for item in items:
        defines = isinstance(item, Parcel) and only_defines(item.names, item.definitions)
        yield item, defines
        if defines:
            later.append(item)
    yield from ((item, False) for item in later)


def define_ready(half: Half, parcels: Iterable[Parcel], bound: Rebinding) -> list[Any]:
    """Run those definitions of `parcels` whose statements read nothing that is still to come.

    A value may hold a method of a class built on one that comes with it: neither
    could wait for the other. What reads a value of `parcels` is left to `define`.
    Returns what was made, which the caller keeps alive until it is bound.
    """
    whole = [p for p in parcels if p.kind == "value"]
    waiting = {d.serial: d for p in whole for d in p.definitions}
    waiting = {s: d for s, d in waiting.items() if half.cells.object(s) is None}
    named = {d.name for p in whole for d in p.definitions if d.bound}
    values = {name for p in whole for name in p.names} - named
    made: list[Any] = []
    while True:
        ready = [d for d in waiting.values() if _is_ready(d, half, values, waiting)]
        for definition in ready:
            del waiting[definition.serial]
            bound.save(definition.name)
            try:
                made.append(half.cells.run(definition, half.namespace))
            except NameError:  # a function it calls needs a value that has not arrived yet
                continue
            if definition.bound:
                bound.bind(definition.name, made[-1])
        if not ready:
            return made


def _is_ready(
    definition: Definition, half: Half, values: set[str], waiting: dict[str, Definition]
) -> bool:
    uses = dict(definition.uses)
    reads = half.cells.reads(definition) - uses.keys()
    later = {d.name for d in waiting.values() if d.bound and d is not definition}
    return reads.isdisjoint(values | later) and waiting.keys().isdisjoint(uses.values())


def define(half: Half, parcel: Parcel, bound: Rebinding) -> dict[str, Any]:
    """Run the definitions of a parcel that did not run here yet; return what they made."""
    values: dict[str, Any] = {}
    for definition in parcel.definitions:
        made = half.cells.object(definition.serial)
        if made is None:
            bound.save(definition.name)
            made = half.cells.run(definition, half.namespace)
        if definition.bound:
            bound.bind(definition.name, made)
            values[definition.name] = made
    return values
