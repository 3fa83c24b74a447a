"""Parcels on their way in, on either side: their buffers, and patches of values held here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xxhash import xxh3_128_digest

from jupyter_remote_gpu.chunks.chunker import chunk_bytes, pieces
from jupyter_remote_gpu.chunks.fingerprint import Fingerprint, fingerprint
from jupyter_remote_gpu.errors import CannotTravelError, ProtocolError
from jupyter_remote_gpu.protocol.state import Manifest, Parcel

from .half import Half, Unit, slots_by_place
from .landing import Landing, allocate
from .versions import Version


@dataclass(slots=True)
class Patch:
    """New chunks for the buffers of a value held here, staged until all have arrived."""

    base: Version
    unit: Unit
    values: dict[str, Any]
    prints: list[Fingerprint]  # of the live buffers, kept true while chunks are written
    staged: list[Staged] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Staged:
    """One new chunk: which of which buffer, where it goes, and its content."""

    position: int
    index: int
    destination: memoryview
    content: memoryview


class Arrivals:
    """What is expected of some parcels; nothing is visible until the owner rebuilds them."""

    def __init__(self, half: Half) -> None:
        self.landing = Landing()
        self._half = half
        self._buffers: dict[str, list[memoryview]] = {}
        self._patches: dict[str, Patch] = {}

    def expect(self, parcels: Iterable[Parcel], values: Mapping[str, Any]) -> list[str]:
        """Allocate for `parcels` what is not allocated yet; take over chunks that lie here.

        `values` are those patches may apply to. Returns the tokens of patches
        that cannot be applied and must come as whole values.
        """
        unpatchable = []
        for parcel in parcels:
            if parcel.token in self._buffers or parcel.token in self._patches:
                continue
            if parcel.kind == "value":
                self._buffers[parcel.token] = [self.landing.add(m) for m in parcel.manifests]
            elif not self._stage(parcel, values):
                unpatchable.append(parcel.token)
        missing = self.landing.missing()
        if missing and any(len(b) > 0 for bs in self._buffers.values() for b in bs[1:]):
            found = self._half.find_chunks(missing, values)
            self.landing.fill(lambda name, length: found.get(name))
        return unpatchable

    def expects_only(self, parcels: Iterable[Parcel]) -> bool:
        """Say whether nothing but these is expected: else it was for a cell that never came."""
        return {*self._buffers, *self._patches} <= {parcel.token for parcel in parcels}

    def buffers(self, parcel: Parcel) -> list[memoryview]:
        """Return the filled buffers of a value: its head, then what arrays live in."""
        return self._buffers[parcel.token]

    def patch(self, parcel: Parcel) -> dict[str, Any]:
        """Write the new chunks into the live value and return it, by name."""
        patch = self._patches[parcel.token]
        self._half.versions.drop(patch.base.names)  # half written, it is no version any more
        quick = {i: list(patch.prints[i].quick) for i in {s.position for s in patch.staged}}
        for staged in patch.staged:
            staged.destination[:] = staged.content
            quick[staged.position][staged.index] = xxh3_128_digest(staged.destination)
        for position, found in quick.items():
            patch.prints[position] = replace(patch.prints[position], quick=tuple(found))
        return patch.values

    def scanned(self, parcel: Parcel, unit: Unit) -> None:
        """Spare the scan of a value that was patched: its fingerprints were kept true."""
        patch = self._patches.get(parcel.token)
        if patch is not None and unit.same_structure(patch.base):
            unit.scanned = tuple(patch.prints)

    def slots(self, parcel: Parcel, unit: Unit) -> tuple[int, ...] | None:
        """Match the buffers of the rebuilt `unit` to those that arrived, and learn their names."""
        if parcel.kind == "patch":
            slots: tuple[int, ...] | None = self._patches[parcel.token].base.slots
            arrived = dict(zip(parcel.slots, parcel.manifests, strict=True))
        else:
            slots = slots_by_place(unit, self._buffers[parcel.token][1:])
            arrived = dict(enumerate(parcel.manifests[1:]))
            self._as_it_came(unit, slots or (), arrived)
        for position, slot in enumerate(slots or ()):
            if slot in arrived and len(unit.prints[position].quick) == len(arrived[slot].names):
                self._half.chunk_names.learn(unit.prints[position], arrived[slot])
        return slots

    def _as_it_came(self, unit: Unit, slots: tuple[int, ...], arrived: dict[int, Manifest]) -> None:
        """Take the fingerprints of what arrived for those of the value that was built of it.

        That spares a scan. And it is what the other side has: rebuilding may have
        run code of the value's class that changed the memory.
        """
        if not slots:
            return
        quick = self.landing.quick
        unit.scanned = tuple(
            Fingerprint(len(buffer), tuple([quick[name] for name in arrived[slot].names]))
            if slot in arrived and arrived[slot].length == len(buffer)
            else fingerprint(buffer)
            for slot, buffer in zip(slots, unit.encoded.buffers, strict=True)
        )

    def _stage(self, parcel: Parcel, values: Mapping[str, Any]) -> bool:
        half = self._half
        base = half.versions.token(parcel.base)
        if base is None or base.slots is None or base.names != parcel.names:
            return False
        unit = patchable(half, base, values)
        if unit is None:
            return False
        # put aside and untouched, the value is as its version says, as it is when it is revived
        patch = Patch(base, unit, {n: values[n] for n in base.names}, list(base.prints))
        for slot, manifest in zip(parcel.slots, parcel.manifests, strict=True):
            if slot not in base.slots:
                raise ProtocolError("a patch names a buffer that its value does not have")
            self._stage_buffer(patch, base.slots.index(slot), manifest)
        self._patches[parcel.token] = patch
        return True

    def _stage_buffer(self, patch: Patch, position: int, manifest: Manifest) -> None:
        """Want only those chunks that the live buffer does not already have in their place."""
        live = patch.unit.encoded.buffers[position]
        if len(live) != manifest.length or manifest.chunk_bytes != chunk_bytes(len(live)):
            raise ProtocolError("a patch does not fit the buffer it is for")
        if patch.base.dirty:
            patch.prints[position] = fingerprint(live)
        known = self._half.chunk_names.known(patch.prints[position])
        for index, (name, destination) in enumerate(pieces(live, manifest)):
            if known[index] != name:
                content = memoryview(allocate(len(destination)))
                self.landing.want(name, content)
                patch.staged.append(Staged(position, index, destination, content))


def patchable(half: Half, version: Version, values: Mapping[str, Any]) -> Unit | None:
    """Return the version's unit as it lies here if its buffers may be written in place."""
    if version.slots is None or not version.held(values):
        return None
    try:
        unit = half.pack(version.names, values)
    except CannotTravelError:
        return None
    if not unit.same_structure(version) or any(b.readonly for b in unit.encoded.buffers if len(b)):
        return None
    return unit
