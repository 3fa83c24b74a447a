"""What both ends have alike: one half of the namespace, its cells, versions and parked values."""

from __future__ import annotations

import os
import types
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xxhash import xxh3_128_digest

from jupyter_remote_gpu.chunks.chunker import pieces
from jupyter_remote_gpu.chunks.fingerprint import ChunkNames, Fingerprint, fingerprint
from jupyter_remote_gpu.errors import CannotTravelError
from jupyter_remote_gpu.protocol.state import (
    INLINE_BYTES,
    Blob,
    Definition,
    Item,
    Manifest,
    Parcel,
)

from .cells import Cells
from .components import class_data
from .namespace import Held, Rebinding, is_hidden, is_module, user_names
from .partition import Partition
from .pickling import Encoded, Side, encode
from .placeholders import Placeholder
from .plain.encoder import encode as encode_plain
from .plain.memories import Departing
from .plain.receiving import around
from .rebuilding import Overlays, Rebuild
from .unpickling import FROM_PICKLE
from .versions import Version, Versions


@dataclass(frozen=True, slots=True)
class PlainHead:
    """A component as plain data; `more` are buffers that only this form of it has."""

    head: bytes
    more: tuple[memoryview, ...]


@dataclass(slots=True)
class Unit:
    """A component, encoded on this side: what it is compared and sent by.

    Its buffers are scanned when their fingerprints are first asked for, once.
    """

    names: tuple[str, ...]
    encoded: Encoded
    head: bytes
    definitions: tuple[Definition, ...]
    scanned: tuple[Fingerprint, ...] | None = None
    plain: PlainHead | None = None

    @property
    def prints(self) -> tuple[Fingerprint, ...]:
        """Return the fingerprints of its buffers."""
        if self.scanned is None:
            self.scanned = tuple(fingerprint(b) for b in self.encoded.buffers)
        return self.scanned

    def nbytes(self) -> int:
        """Return what it weighs."""
        return len(self.encoded.head) + sum(len(b) for b in self.encoded.buffers)

    def same_structure(self, version: Version) -> bool:
        """Say whether only the contents of buffers may differ from `version`."""
        lengths = [p.length for p in version.prints]
        return self.head == version.head and lengths == [len(b) for b in self.encoded.buffers]

    def equals(self, version: Version) -> bool:
        """Say whether nothing changed since `version`."""
        return self.same_structure(version) and self.prints == version.prints


@dataclass(slots=True)
class Half:
    """One end's half of the namespace. `outward` is true at home.

    `rebuilder` is the one way in which values become objects on this side, chosen
    by who makes the half. `coded` has the tokens of values that must not be
    pickled unasked, because their classes' own code would run.
    """

    namespace: dict[str, Any]
    outward: bool
    cells: Cells = field(default_factory=Cells)
    versions: Versions = field(default_factory=Versions)
    chunk_names: ChunkNames = field(default_factory=ChunkNames)
    parked: dict[str, Any] = field(default_factory=dict)
    rebuilder: Rebuild = FROM_PICKLE
    coded: set[str] = field(default_factory=set)
    folder: str = field(default_factory=os.getcwd)
    partition: Partition = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Start with nothing known of how the names are linked, unless told."""
        if self.partition is None:
            self.partition = Partition(self.namespace, self.cells)

    @property
    def side(self) -> Side:
        """Return what pickling needs to know of this end."""
        return Side(self.namespace, self.cells, self.outward, self.parked)

    def values(self) -> dict[str, Any]:
        """Return the user's names that hold a value here: no modules, no placeholders."""
        return {
            name: value
            for name, value in user_names(self.namespace)
            if not is_module(value) and type(value) is not Placeholder
        }

    def is_value(self, name: str) -> bool:
        """Say whether `values` has this name."""
        value = self.namespace.get(name)
        if value is None:
            return name in self.namespace and not is_hidden(name)
        hidden = is_module(value) or type(value) is Placeholder or is_hidden(name, value)
        return not hidden

    def held(self) -> Mapping[str, Any]:
        """Return what lies here under each name: put aside, or bound (placeholders included)."""
        return ChainMap(self.parked, self.namespace)

    def has_value(self, name: str) -> bool:
        """Say whether `name` is bound here to something real."""
        return name in self.namespace and type(self.namespace[name]) is not Placeholder

    def pack(self, names: tuple[str, ...], values: Mapping[str, Any]) -> Unit:
        """Encode a component; raises `CannotTravelError`. Arrays are not copied."""
        plain, overlays, defined = {}, {}, {}
        definitions: list[Definition] = []
        for name in names:
            value = values[name]
            if value is self.namespace:
                raise CannotTravelError("it is the namespace of this side itself")
            definition = self.cells.definition(value)
            if definition is not None and definition.name == name:
                definitions.append(definition)
                defined[name] = definition.serial
                if isinstance(value, type):
                    overlays[name] = class_data(value)
            else:
                plain[name] = value
        defining = [v for v in plain.values() if isinstance(v, (types.FunctionType, type))]
        reads = {name for d in definitions for name in self.cells.reads(d)}
        early = {name: value for name, value in plain.items() if name in reads}
        hidden: list[Definition] = []
        while True:
            encoded = encode((plain, overlays, defined), self.side, defining, early)
            found = self._hidden(encoded, definitions)
            if len(found) == len(hidden):
                break
            hidden = found
            for definition in hidden:  # old classes have data too
                made = self.cells.object(definition.serial)
                if isinstance(made, type):
                    overlays[definition.serial] = class_data(made)
        definitions[:0] = hidden
        encoded.cells |= {d.cell for d in definitions}
        return Unit(names, encoded, xxh3_128_digest(encoded.head), tuple(definitions))

    def _hidden(self, encoded: Encoded, definitions: list[Definition]) -> list[Definition]:
        """Return what the unit needs whose name holds something else by now."""
        needed = {u.serial: u for d in definitions for u in self.cells.used(d)}
        needed.update(encoded.definitions)
        own = {d.serial for d in definitions}
        return [
            replace(definition, bound=False)
            for serial, definition in needed.items()
            if serial not in own and self.side.get(definition.name) is not self.cells.object(serial)
        ]

    def manifests(self, unit: Unit) -> tuple[Manifest, ...]:
        """Name the chunks of a unit's buffers."""
        pairs = zip(unit.encoded.buffers, unit.prints, strict=True)
        return tuple(self.chunk_names.manifest(buffer, found) for buffer, found in pairs)

    def value_parcel(self, token: str, unit: Unit) -> tuple[Parcel, dict[bytes, memoryview]]:
        """Make a whole value of a unit, plain if it was flattened, and the chunks it is made of."""
        plain = PlainHead(unit.encoded.head, ()) if unit.plain is None else unit.plain
        head = memoryview(plain.head)
        first = self.chunk_names.manifest(head, fingerprint(head))
        more = tuple(self.chunk_names.manifest(b, fingerprint(b)) for b in plain.more)
        manifests = (first, *self.manifests(unit), *more)
        parcel = Parcel(
            token,
            unit.names,
            "value",
            manifests,
            definitions=unit.definitions,
            detached=unit.encoded.detached,
        )
        return parcel, chunks_of([head, *unit.encoded.buffers, *plain.more], manifests)

    def flatten(self, unit: Unit) -> None:
        """Make plain data of a unit, over the same buffers; raises `CannotTravelError`."""
        plain, overlays, _ = unit.encoded.payload
        defining = frozenset(id(value) for value in plain.values())
        memory = Departing(unit.encoded.buffers, unit.encoded.reductions, unit.encoded.blocks)
        head = encode_plain((plain, overlays), around(self, defining), memory)
        more = memory.buffers[len(unit.encoded.buffers) :]
        unit.encoded.kept.append(memory)
        unit.plain = PlainHead(head, tuple(more))

    def patch_parcel(
        self, token: str, unit: Unit, base: Version
    ) -> tuple[Parcel, dict[bytes, memoryview]]:
        """Make a patch of a unit whose structure is that of `base`."""
        slots = base.slots or ()
        changed = [i for i, p in enumerate(unit.prints) if p != base.prints[i]]
        manifests = tuple(
            self.chunk_names.manifest(unit.encoded.buffers[i], unit.prints[i]) for i in changed
        )
        parcel = Parcel(
            token,
            unit.names,
            "patch",
            manifests,
            base=base.token,
            slots=tuple(slots[i] for i in changed),
            definitions=unit.definitions,
            detached=unit.encoded.detached,
        )
        return parcel, chunks_of([unit.encoded.buffers[i] for i in changed], manifests)

    def version(
        self,
        token: str,
        unit: Unit,
        values: Mapping[str, Any],
        slots: tuple[int, ...] | None,
    ) -> Version:
        """Return a unit as the version `token`; `slots` say which of the wire's its buffers are."""
        held = {name: Held(values[name]) for name in unit.names}
        return Version(token, unit.names, unit.head, unit.prints, slots, held)

    def find_chunks(self, wanted: Iterable[bytes], values: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Return copies of those wanted chunks that lie in values held here, verified by xxh3."""
        missing = set(wanted)
        found: dict[bytes, bytes] = {}
        for version in self.versions.all():
            places = [
                (i, k, name)
                for i, p in enumerate(version.prints)
                for k, name in enumerate(self.chunk_names.known(p))
                if name in missing
            ]
            if not places or not version.held(values):
                continue
            unit = self.pack(version.names, values)
            if not unit.same_structure(version):
                continue
            for i, k, name in places:
                if name is not None and unit.prints[i].quick[k] == version.prints[i].quick[k]:
                    manifest = self.chunk_names.manifest(unit.encoded.buffers[i], unit.prints[i])
                    found[name] = bytes(pieces(unit.encoded.buffers[i], manifest)[k][1])
            missing -= found.keys()
        return found

    def rebuild(
        self, parcel: Parcel, buffers: Sequence[Any], bound: Rebinding
    ) -> tuple[dict[str, Any], Overlays]:
        """Run a value's definitions, decode it and bind its names, in this half's one way.

        Returns the values by name and the data of its classes, which the caller
        applies when nothing can fail any more. Raises whatever rebuilding raises.
        """
        return self.rebuilder.values(self, parcel, buffers, bound)

    def define(self, parcel: Parcel, bound: Rebinding) -> dict[str, Any]:
        """Run a value's definitions alone, in this half's one way; return what they made."""
        return self.rebuilder.define(self, parcel, bound)


def overlay(overlays: Overlays) -> None:
    """Give classes the data they have on the other side: counters, registries."""
    for cls, data in overlays:
        for name in class_data(cls).keys() - data.keys():
            type.__delattr__(cls, name)
        for name, value in data.items():
            if vars(cls).get(name, overlay) is not value:
                type.__setattr__(cls, name, value)  # a metaclass has no say in it


def chunks_of(
    buffers: Sequence[memoryview], manifests: Sequence[Manifest]
) -> dict[bytes, memoryview]:
    """Return every chunk of some buffers by its name."""
    return {
        name: piece
        for buffer, manifest in zip(buffers, manifests, strict=True)
        for name, piece in pieces(buffer, manifest)
    }


def own_slots(unit: Unit) -> tuple[int, ...]:
    """Return the slots of a whole value as its sender counts them: in the order of its buffers."""
    return tuple(range(len(unit.encoded.buffers)))


def slots_by_place(unit: Unit, received: Sequence[memoryview | Any]) -> tuple[int, ...] | None:
    """Match this side's buffers to those that arrived, by address; None if one has no match."""
    places = {_address(buffer): slot for slot, buffer in enumerate(received) if len(buffer)}
    slots = tuple(places.get(_address(b), -1) if len(b) else -2 for b in unit.encoded.buffers)
    return None if -1 in slots or len(unit.encoded.buffers) != len(received) else slots


def _address(buffer: Any) -> tuple[int, int]:
    import ctypes

    view = memoryview(buffer)
    if view.readonly:
        return (0, -1)
    return ctypes.addressof(ctypes.c_char.from_buffer(view)), len(view)


def inline(items: Iterable[Item], chunks: dict[bytes, memoryview]) -> dict[bytes, Blob]:
    """Choose the chunks that ride along: those of the first parcels that fit."""
    chosen: dict[bytes, Blob] = {}
    room = INLINE_BYTES
    for item in items:
        if not isinstance(item, Parcel):
            continue
        names = {name for manifest in item.manifests for name in manifest.names} - chosen.keys()
        size = sum(len(chunks[name]) for name in names)
        if size <= room:
            room -= size
            chosen.update({name: chunks[name] for name in names})
    return chosen
