"""The messages by which the two sides of a notebook's namespace stay coherent.

Every message is a frozen value. `pack()` gives JSON-able fields and a list of
blobs; `unpack()` is its inverse and validates: wrong types, sizes and counts
raise `ProtocolError`. No I/O here, no pickle, no heavy imports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from jupyter_remote_gpu.errors import ProtocolError

Blob = bytes | memoryview
CHUNK_NAME_BYTES = 32
MAX_NAMES = 100_000
MAX_ITEMS = 200_000
MAX_TEXT_CHARS = 20_000_000
MAX_BUFFER_BYTES = 1 << 46
MAX_CHUNK_BYTES = 1 << 26
INLINE_BYTES = 256 * 1024

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Manifest:
    """How one buffer is made of chunks: chunk i covers `chunk_bytes` from i*chunk_bytes."""

    length: int
    chunk_bytes: int
    names: tuple[bytes, ...]

    def size(self, index: int) -> int:
        """Return the length in bytes of chunk `index` (the last one may be shorter)."""
        return min(self.chunk_bytes, self.length - index * self.chunk_bytes)


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of one cell, plain Python. `number` counts executions, `ident` names the text."""

    number: int
    ident: str
    filename: str
    source: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One statement of a cell that makes a class or a decorated function.

    `serial` names that execution of it; `bound` says whether the name still
    holds what the statement made (an old class lives on in its instances).
    """

    name: str
    serial: str
    cell: int
    bound: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """`name` is the module called `module`."""

    name: str
    module: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One component on its way.

    `kind` is "value" (manifest 0 is the head, the others its buffers) or
    "patch" (each manifest is the new content of the buffer in `slots`, on top
    of the version `base`, whose structure did not change). `token` names the
    version that both sides hold once it has arrived.
    """

    token: str
    names: tuple[str, ...]
    kind: str
    manifests: tuple[Manifest, ...]
    base: str = ""
    slots: tuple[int, ...] = ()
    definitions: tuple[Definition, ...] = ()


@dataclass(frozen=True, slots=True)
class Same:
    """The component is still the version `token`."""

    token: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stays:
    """A component that cannot be copied: `culprit` is the name, `reason` says why."""

    names: tuple[str, ...]
    culprit: str
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class Description:
    """What is told about a value that is elsewhere. `module` is set for modules only."""

    type: str
    text: str = ""
    bytes: int = 0
    module: str = ""


Item = Import | Parcel | Same | Stays
Chunks = Mapping[bytes, Blob]


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
        out = _Packer()
        return out.done(
            {
                "cell": _cell_out(self.cell),
                "unbind": list(self.unbind),
                "park": list(self.park),
                "revive": list(self.revive),
                "stubs": {n: _description_out(d) for n, d in self.stubs.items()},
                "cells": [_cell_out(c) for c in self.cells],
                "items": [out.item(i) for i in self.items],
                "chunks": out.chunks(self.chunks),
                "ambient": out.mapping(self.ambient),
            }
        )

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Begin:
        """Validate and rebuild; raises `ProtocolError`."""
        take = _Unpacker(fields, blobs)
        return cls(
            cell=_cell_in(take.dictionary("cell")),
            unbind=take.names("unbind"),
            park=take.names("park"),
            revive=take.names("revive"),
            stubs=take.descriptions("stubs"),
            cells=tuple(_cell_in(c) for c in take.listing("cells")),
            items=take.items("items"),
            chunks=take.chunks("chunks"),
            ambient=take.mapping("ambient"),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a remote cell did to the names, failed or not.

    `bound` names were (re)bound, `touched` ones may have changed inside;
    `deps` are the global names that their functions and classes use; `stays`
    says of which it is already known that they cannot be copied, and why.
    """

    bound: Mapping[str, Description] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    touched: Mapping[str, Description] = field(default_factory=dict)
    deps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stays: Mapping[str, str] = field(default_factory=dict)
    ambient: Mapping[str, Blob] = field(default_factory=dict)
    threads: int = 0

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        out = _Packer()
        return out.done(
            {
                "bound": {n: _description_out(d) for n, d in self.bound.items()},
                "deleted": list(self.deleted),
                "touched": {n: _description_out(d) for n, d in self.touched.items()},
                "deps": {n: list(d) for n, d in self.deps.items()},
                "stays": dict(self.stays),
                "ambient": out.mapping(self.ambient),
                "threads": self.threads,
            }
        )

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Report:
        """Validate and rebuild; raises `ProtocolError`."""
        take = _Unpacker(fields, blobs)
        deps = take.dictionary("deps")
        stays = take.dictionary("stays")
        return cls(
            bound=take.descriptions("bound"),
            deleted=take.names("deleted"),
            touched=take.descriptions("touched"),
            deps={_name(n): _names(d, "deps") for n, d in deps.items()},
            stays={_name(n): _text(r, "stays") for n, r in stays.items()},
            ambient=take.mapping("ambient"),
            threads=take.number("threads", 1_000_000),
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """Parcels about to come, so that the other side can say which chunks it lacks."""

    parcels: tuple[Parcel, ...]

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        out = _Packer()
        return out.done({"parcels": [out.item(p) for p in self.parcels]})

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Offer:
        """Validate and rebuild; raises `ProtocolError`."""
        items = _Unpacker(fields, blobs).items("parcels")
        parcels = tuple(i for i in items if isinstance(i, Parcel))
        _must(len(parcels) == len(items), "an offer holds parcels only")
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
        _must(len(blobs) == 1, "one blob of chunk names is expected")
        take = _Unpacker(fields, blobs)
        return cls(split_names(blobs[0]), take.names("unpatchable"))


@dataclass(frozen=True, slots=True)
class Ask:
    """The newest values of `names`, please.

    `known` are tokens of versions still held here (`patchable`: those that can
    be patched in place); `unbind` and `park` are applied first, as in `Begin`.
    """

    names: tuple[str, ...]
    known: tuple[str, ...] = ()
    patchable: tuple[str, ...] = ()
    unbind: tuple[str, ...] = ()
    park: tuple[str, ...] = ()

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        return {key: list(getattr(self, key)) for key in self.__slots__}, []

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Ask:
        """Validate and rebuild; raises `ProtocolError`."""
        take = _Unpacker(fields, blobs)
        return cls(**{key: take.names(key) for key in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Answers:
    """One item for each component asked for and what it depends on; small chunks ride along."""

    items: tuple[Item, ...]
    chunks: Chunks = field(default_factory=dict)

    def pack(self) -> tuple[dict[str, Any], list[Blob]]:
        """Return JSON-able fields and blobs."""
        out = _Packer()
        items = [out.item(i) for i in self.items]
        return out.done({"items": items, "chunks": out.chunks(self.chunks)})

    @classmethod
    def unpack(cls, fields: dict[str, Any], blobs: Sequence[memoryview]) -> Answers:
        """Validate and rebuild; raises `ProtocolError`."""
        take = _Unpacker(fields, blobs)
        return cls(take.items("items"), take.chunks("chunks"))


def split_names(joined: Blob) -> tuple[bytes, ...]:
    """Cut a concatenation of chunk names; raises `ProtocolError` on a bad length."""
    _must(len(joined) % CHUNK_NAME_BYTES == 0, "chunk names have a fixed length")
    step = CHUNK_NAME_BYTES
    return tuple(bytes(joined[i : i + step]) for i in range(0, len(joined), step))


class _Packer:
    """Collects the blobs of one message; chunk names of all manifests share blob 0."""

    def __init__(self) -> None:
        self._names: list[bytes] = []
        self._blobs: list[Blob] = []

    def done(self, fields: dict[str, Any]) -> tuple[dict[str, Any], list[Blob]]:
        return fields, [b"".join(self._names), *self._blobs]

    def blob(self, blob: Blob) -> int:
        self._blobs.append(blob)
        return len(self._blobs)

    def chunks(self, chunks: Chunks) -> list[int]:
        """Names are not repeated: the receiver hashes the content and knows them."""
        return [self.blob(blob) for blob in chunks.values()] + [self._add(list(chunks))]

    def mapping(self, blobs: Mapping[str, Blob]) -> dict[str, int]:
        return {key: self.blob(blob) for key, blob in blobs.items()}

    def item(self, item: Item) -> dict[str, Any]:
        if isinstance(item, Import):
            return {"is": "import", "name": item.name, "module": item.module}
        if isinstance(item, Same):
            return {"is": "same", "token": item.token, "names": list(item.names)}
        if isinstance(item, Stays):
            fields = {"culprit": item.culprit, "type": item.type, "reason": item.reason}
            return {"is": "stays", "names": list(item.names), **fields}
        return {
            "is": item.kind,
            "token": item.token,
            "names": list(item.names),
            "manifests": [self._manifest(m) for m in item.manifests],
            "base": item.base,
            "slots": list(item.slots),
            "definitions": [[d.name, d.serial, d.cell, d.bound] for d in item.definitions],
        }

    def _manifest(self, manifest: Manifest) -> list[int]:
        start = self._add(list(manifest.names))
        return [manifest.length, manifest.chunk_bytes, start, len(manifest.names)]

    def _add(self, names: list[bytes]) -> int:
        start = len(self._names)
        self._names.extend(names)
        return start


class _Unpacker:
    """Reads the fields and blobs of one message, checking every one of them."""

    def __init__(self, fields: dict[str, Any], blobs: Sequence[memoryview]) -> None:
        _must(isinstance(fields, dict), "the fields of a message are a dictionary")
        self._fields = fields
        self._blobs = blobs
        self._names = split_names(blobs[0]) if blobs else ()

    def dictionary(self, key: str) -> dict[Any, Any]:
        value = self._fields.get(key)
        if not isinstance(value, dict) or len(value) > MAX_NAMES:
            raise ProtocolError(f"the field {key!r} is not a dictionary of an allowed size")
        return value

    def listing(self, key: str) -> list[Any]:
        return _list(self._fields.get(key), key)

    def names(self, key: str) -> tuple[str, ...]:
        return _names(self._fields.get(key), key)

    def number(self, key: str, limit: int) -> int:
        return _number(self._fields.get(key), key, limit)

    def descriptions(self, key: str) -> dict[str, Description]:
        return {_name(n): _description_in(d) for n, d in self.dictionary(key).items()}

    def blob(self, index: Any) -> memoryview:
        return self._blobs[_number(index, "blob", len(self._blobs) - 1)]

    def mapping(self, key: str) -> dict[str, Blob]:
        return {_name(k): self.blob(i) for k, i in self.dictionary(key).items()}

    def chunks(self, key: str) -> dict[bytes, Blob]:
        *indexes, start = self.listing(key) or [0]
        first = _number(start, key, len(self._names) - len(indexes))
        names = self._names[first : first + len(indexes)]
        return {name: self.blob(i) for name, i in zip(names, indexes, strict=True)}

    def items(self, key: str) -> tuple[Item, ...]:
        return tuple(self._item(i) for i in self.listing(key))

    def _item(self, item: Any) -> Item:
        _must(isinstance(item, dict), "an item is a dictionary")
        kind = item.get("is")
        readers: dict[str, Callable[[dict[str, Any]], Item]] = {
            "import": lambda i: Import(_name(i.get("name")), _name(i.get("module"))),
            "same": lambda i: Same(_name(i.get("token")), _names(i.get("names"), "names")),
            "stays": lambda i: Stays(
                _names(i.get("names"), "names"),
                _name(i.get("culprit")),
                _text(i.get("type"), "type"),
                _text(i.get("reason"), "reason"),
            ),
            "value": self._parcel,
            "patch": self._parcel,
        }
        if kind not in readers:
            raise ProtocolError(f"an item of the unknown kind {kind!r}")
        return readers[kind](item)

    def _parcel(self, item: dict[str, Any]) -> Parcel:
        manifests = tuple(self._manifest(m) for m in _list(item.get("manifests"), "manifests"))
        slots = tuple(_number(s, "slots", MAX_ITEMS) for s in _list(item.get("slots"), "slots"))
        patch = item["is"] == "patch"
        _must(not patch or len(slots) == len(manifests), "a patch has a slot for each manifest")
        _must(patch or bool(manifests), "a value has a head")
        return Parcel(
            token=_name(item.get("token")),
            names=_names(item.get("names"), "names"),
            kind=item["is"],
            manifests=manifests,
            base=_text(item.get("base"), "base"),
            slots=slots,
            definitions=tuple(
                _definition_in(d) for d in _list(item.get("definitions"), "definitions")
            ),
        )

    def _manifest(self, fields: Any) -> Manifest:
        length, chunk_bytes, start, count = _tuple(fields, 4, "manifest")
        length = _number(length, "length", MAX_BUFFER_BYTES)
        chunk_bytes = _number(chunk_bytes, "chunk_bytes", MAX_CHUNK_BYTES)
        _must(chunk_bytes > 0, "a chunk has at least one byte")
        count = _number(count, "count", MAX_BUFFER_BYTES)
        _must(count == -(-length // chunk_bytes), "a manifest names every chunk of its buffer")
        start = _number(start, "start", len(self._names) - count)
        return Manifest(length, chunk_bytes, self._names[start : start + count])


def _must(condition: bool, rule: str) -> None:
    if not condition:
        raise ProtocolError(f"a message about names breaks the rule: {rule}")


def _number(value: Any, key: str, limit: int) -> int:
    if type(value) is not int or not 0 <= value <= limit:
        raise ProtocolError(f"the field {key!r} is not a whole number from 0 to {limit}")
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        raise ProtocolError(f"the field {key!r} is not a text of an allowed length")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1000:
        raise ProtocolError(f"{value!r:.100} is not a name")
    return value


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise ProtocolError(f"the field {key!r} is not a list of an allowed length")
    return value


def _tuple(value: Any, length: int, key: str) -> list[Any]:
    items = _list(value, key)
    _must(len(items) == length, f"{key} has {length} fields")
    return items


def _names(value: Any, key: str) -> tuple[str, ...]:
    return tuple(_name(n) for n in _list(value, key))


def _cell_out(cell: Cell) -> dict[str, Any]:
    return {"n": cell.number, "id": cell.ident, "file": cell.filename, "text": cell.source}


def _cell_in(fields: Any) -> Cell:
    _must(isinstance(fields, dict), "a cell is a dictionary")
    number = _number(fields.get("n"), "n", 1 << 53)
    filename = _text(fields.get("file"), "file")
    return Cell(number, _name(fields.get("id")), filename, _text(fields.get("text"), "text"))


def _definition_in(fields: Any) -> Definition:
    name, serial, cell, bound = _tuple(fields, 4, "definition")
    _must(isinstance(bound, bool), "bound is true or false")
    return Definition(_name(name), _name(serial), _number(cell, "cell", 1 << 53), bound)


def _description_out(description: Description) -> list[Any]:
    return [description.type, description.text, description.bytes, description.module]


def _description_in(fields: Any) -> Description:
    kind, text, size, module = _tuple(fields, 4, "description")
    size = _number(size, "bytes", MAX_BUFFER_BYTES)
    return Description(_text(kind, "type"), _text(text, "text"), size, _text(module, "module"))
