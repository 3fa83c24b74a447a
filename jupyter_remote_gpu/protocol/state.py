"""The messages by which the two sides of a notebook's namespace stay coherent.

Every message is a frozen value. `pack()` gives JSON-able fields and a list of
blobs; `unpack()` is its inverse and validates: wrong types, sizes and counts
raise `ProtocolError`. No I/O here, no pickle, no heavy imports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .state_items import (
    Blob,
    Cell,
    Chunks,
    Definition,
    Description,
    Import,
    Item,
    Manifest,
    Packer,
    Parcel,
    Same,
    Stays,
    Unpacker,
    cell_in,
    cell_out,
    description_out,
    must,
    name_in,
    names_in,
    shown_in,
    split_names,
)

__all__ = [
    "INLINE_BYTES",
    "Answers",
    "Ask",
    "Begin",
    "Blob",
    "Cell",
    "Chunks",
    "Definition",
    "Description",
    "Import",
    "Item",
    "Lacking",
    "Manifest",
    "Offer",
    "Parcel",
    "Report",
    "Same",
    "Stays",
    "split_names",
]

INLINE_BYTES = 256 * 1024
"""Chunks up to this size in all ride along in a message."""


@dataclass(frozen=True, slots=True)
class Begin:
    """All that a remote cell needs before it runs, in the order it is applied.

    Unbind, park, revive and stub first, then the imports and parcels of `items`
    in their order. `cell` is the cell about to run, `cells` the texts that
    definitions and functions refer to, `chunks` those small enough to ride along.
    """

    cell: Cell
    unbind: tuple[str, ...] = ()
    park: tuple[str, ...] = ()
    revive: tuple[str, ...] = ()
    stubs: Mapping[str, Description] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()
    items: tuple[Item, ...] = ()
    chunks: Chunks = field(default_factory=dict)
    ambient: Mapping[str, Blob] = field(default_factory=dict)

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        out = Packer()
        return out.done(
            {
                "cell": cell_out(self.cell),
                "unbind": list(self.unbind),
                "park": list(self.park),
                "revive": list(self.revive),
                "stubs": {n: description_out(d) for n, d in self.stubs.items()},
                "cells": [cell_out(c) for c in self.cells],
                "items": [out.item(i) for i in self.items],
                "chunks": out.chunks(self.chunks),
                "ambient": out.mapping(self.ambient),
            }
        )

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Begin:
        """Validate and rebuild; raises `ProtocolError`."""
        take = Unpacker(fields, blobs)
        return cls(
            cell=cell_in(take.dictionary("cell")),
            unbind=take.names("unbind"),
            park=take.names("park"),
            revive=take.names("revive"),
            stubs=take.descriptions("stubs"),
            cells=tuple(cell_in(c) for c in take.listing("cells")),
            items=take.items("items"),
            chunks=take.chunks("chunks"),
            ambient=take.mapping("ambient"),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a remote cell did to the names, failed or not.

    `bound` names were (re)bound, `touched` ones may have changed inside;
    `deps` are the global names that their functions and classes use; `stays`
    says of which it is already known that they cannot be copied, and why;
    `together` are those components that have more than one name.
    """

    bound: Mapping[str, Description] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    touched: Mapping[str, Description] = field(default_factory=dict)
    deps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stays: Mapping[str, str] = field(default_factory=dict)
    together: tuple[tuple[str, ...], ...] = ()
    ambient: Mapping[str, Blob] = field(default_factory=dict)
    threads: int = 0

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        out = Packer()
        return out.done(
            {
                "bound": {n: description_out(d) for n, d in self.bound.items()},
                "deleted": list(self.deleted),
                "touched": {n: description_out(d) for n, d in self.touched.items()},
                "deps": {n: list(d) for n, d in self.deps.items()},
                "stays": dict(self.stays),
                "together": [list(names) for names in self.together],
                "ambient": out.mapping(self.ambient),
                "threads": self.threads,
            }
        )

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Report:
        """Validate and rebuild; raises `ProtocolError`."""
        take = Unpacker(fields, blobs)
        deps = take.dictionary("deps")
        stays = take.dictionary("stays")
        return cls(
            bound=take.descriptions("bound"),
            deleted=take.names("deleted"),
            touched=take.descriptions("touched"),
            deps={name_in(n): names_in(d, "deps") for n, d in deps.items()},
            stays={name_in(n): shown_in(r, "stays") for n, r in stays.items()},
            together=tuple(names_in(g, "together") for g in take.listing("together")),
            ambient=take.mapping("ambient"),
            threads=take.number("threads", 1_000_000),
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """Parcels about to come, so that the other side can say which chunks it lacks."""

    parcels: tuple[Parcel, ...]

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        out = Packer()
        return out.done({"parcels": [out.item(p) for p in self.parcels]})

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Offer:
        """Validate and rebuild; raises `ProtocolError`."""
        items = Unpacker(fields, blobs).items("parcels")
        parcels = tuple(i for i in items if isinstance(i, Parcel))
        must(len(parcels) == len(items), "an offer holds parcels only")
        return cls(parcels)


@dataclass(frozen=True, slots=True)
class Lacking:
    """Chunks to send (again), and tokens of patches that must come as whole values."""

    chunks: tuple[bytes, ...] = ()
    unpatchable: tuple[str, ...] = ()

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        return {"unpatchable": list(self.unpatchable)}, [b"".join(self.chunks)]

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Lacking:
        """Validate and rebuild; raises `ProtocolError`."""
        must(len(blobs) == 1, "one blob of chunk names is expected")
        take = Unpacker(fields, blobs)
        return cls(split_names(blobs[0]), take.names("unpatchable"))


@dataclass(frozen=True, slots=True)
class Ask:
    """The newest values of `names`, please.

    `known` are tokens of versions still held here (`patchable`: those that can
    be patched in place); `unbind` and `park` are applied first, as in `Begin`.
    `plain` asks for heads of plain data instead of pickles: who asks does not
    trust who answers, and takes nothing else whatever comes.
    """

    names: tuple[str, ...]
    known: tuple[str, ...] = ()
    patchable: tuple[str, ...] = ()
    unbind: tuple[str, ...] = ()
    park: tuple[str, ...] = ()
    plain: bool = False

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        lists = {key: list(getattr(self, key)) for key in _ASKED}
        return {**lists, "plain": self.plain}, []

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Ask:
        """Validate and rebuild; raises `ProtocolError`."""
        take = Unpacker(fields, blobs)
        return cls(**{key: take.names(key) for key in _ASKED}, plain=take.flag("plain"))


_ASKED = ("names", "known", "patchable", "unbind", "park")


@dataclass(frozen=True, slots=True)
class Answers:
    """One item for each component asked for and what it depends on; small chunks ride along."""

    items: tuple[Item, ...]
    chunks: Chunks = field(default_factory=dict)

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        out = Packer()
        items = [out.item(i) for i in self.items]
        return out.done({"items": items, "chunks": out.chunks(self.chunks)})

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Answers:
        """Validate and rebuild; raises `ProtocolError`."""
        take = Unpacker(fields, blobs)
        return cls(take.items("items"), take.chunks("chunks"))
