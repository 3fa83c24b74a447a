"""The values that messages about names are made of, and how they become fields and blobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import ProtocolError

from .plain_text import plain

Blob = bytes | memoryview
CHUNK_NAME_BYTES = 32
MAX_NAMES = 100_000
MAX_ITEMS = 200_000
MAX_TEXT_CHARS = 20_000_000
MAX_BUFFER_BYTES = 1 << 46
MAX_CHUNK_BYTES = 1 << 26
MAX_SHOWN_CHARS = 2000


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
    `uses` says which classes the names of its bases stood for, by serial: these
    names may have been bound anew since.
    """

    name: str
    serial: str
    cell: int
    bound: bool = True
    uses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """`name` is the module called `module`, or the `attribute` of it where one is given."""

    name: str
    module: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One component on its way.

    `kind` is "value" (manifest 0 is the head, the others its buffers) or
    "patch" (each manifest is the new content of the buffer in `slots`, on top
    of the version `base`, whose structure did not change). `token` names the
    version that both sides hold once it has arrived. `detached` says that
    tensors in it were computed, and that the graph for gradients stays behind.
    """

    token: str
    names: tuple[str, ...]
    kind: str
    manifests: tuple[Manifest, ...]
    base: str = ""
    slots: tuple[int, ...] = ()
    definitions: tuple[Definition, ...] = ()
    detached: bool = False


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


def split_names(joined: Blob) -> tuple[bytes, ...]:
    """Cut a concatenation of chunk names; raises `ProtocolError` on a bad length."""
    must(len(joined) % CHUNK_NAME_BYTES == 0, "chunk names have a fixed length")
    step = CHUNK_NAME_BYTES
    return tuple(bytes(joined[i : i + step]) for i in range(0, len(joined), step))


class Packer:
    """Collects the blobs of one message; chunk names of all manifests share blob 0."""

    def __init__(self) -> None:
        self._names: list[bytes] = []
        self._blobs: list[Blob] = []

    def done(self, fields: dict[str, Any]) -> tuple[dict[str, Any], list[Blob]]:
        """Return the message: its fields and all blobs."""
        return fields, [b"".join(self._names), *self._blobs]

    def blob(self, blob: Blob) -> int:
        """Add a blob and return its index."""
        self._blobs.append(blob)
        return len(self._blobs)

    def chunks(self, chunks: Chunks) -> list[int]:
        """Return the blobs' indexes, then where in blob 0 their names start."""
        return [self.blob(blob) for blob in chunks.values()] + [self._add(list(chunks))]

    def mapping(self, blobs: Mapping[str, Blob]) -> dict[str, int]:
        """Add named blobs and return their indexes."""
        return {key: self.blob(blob) for key, blob in blobs.items()}

    def item(self, item: Item) -> dict[str, Any]:
        """Return the fields of an item."""
        if isinstance(item, Import):
            found = {"is": "import", "name": item.name, "module": item.module}
            return {**found, "attribute": item.attribute} if item.attribute else found
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
            "detached": item.detached,
            "definitions": [
                [d.name, d.serial, d.cell, d.bound, [list(u) for u in d.uses]]
                for d in item.definitions
            ],
        }

    def _manifest(self, manifest: Manifest) -> list[int]:
        start = self._add(list(manifest.names))
        return [manifest.length, manifest.chunk_bytes, start, len(manifest.names)]

    def _add(self, names: list[bytes]) -> int:
        start = len(self._names)
        self._names.extend(names)
        return start


class Unpacker:
    """Reads the fields and blobs of one message, checking every one of them."""

    def __init__(self, fields: dict[str, Any], blobs: Sequence[memoryview]) -> None:
        must(isinstance(fields, dict), "the fields of a message are a dictionary")
        self._fields = fields
        self._blobs = blobs
        self._names = split_names(blobs[0]) if blobs else ()

    def dictionary(self, key: str) -> dict[Any, Any]:
        """Return a field that is a dictionary."""
        value = self._fields.get(key)
        if not isinstance(value, dict) or len(value) > MAX_NAMES:
            raise ProtocolError(f"the field {key!r} is not a dictionary of an allowed size")
        return value

    def listing(self, key: str) -> list[Any]:
        """Return a field that is a list."""
        return _list(self._fields.get(key), key)

    def names(self, key: str) -> tuple[str, ...]:
        """Return a field that is a list of names."""
        return names_in(self._fields.get(key), key)

    def number(self, key: str, limit: int) -> int:
        """Return a field that is a whole number up to `limit`."""
        return _number(self._fields.get(key), key, limit)

    def flag(self, key: str) -> bool:
        """Return a field that is true or false."""
        return _flag(self._fields.get(key), key)

    def descriptions(self, key: str) -> dict[str, Description]:
        """Return a field of descriptions by name."""
        return {name_in(n): description_in(d) for n, d in self.dictionary(key).items()}

    def blob(self, index: Any) -> memoryview:
        """Return a blob by its index."""
        return self._blobs[_number(index, "blob", len(self._blobs) - 1)]

    def mapping(self, key: str) -> dict[str, Blob]:
        """Return a field of named blobs."""
        return {name_in(k): self.blob(i) for k, i in self.dictionary(key).items()}

    def chunks(self, key: str) -> dict[bytes, Blob]:
        """Return chunks by their names (not verified here)."""
        *indexes, start = self.listing(key) or [0]
        first = _number(start, key, len(self._names) - len(indexes))
        names = self._names[first : first + len(indexes)]
        return {name: self.blob(i) for name, i in zip(names, indexes, strict=True)}

    def items(self, key: str) -> tuple[Item, ...]:
        """Return a field that is a list of items."""
        return tuple(self._item(i) for i in self.listing(key))

    def _item(self, item: Any) -> Item:
        must(isinstance(item, dict), "an item is a dictionary")
        kind = item.get("is")
        readers: dict[str, Callable[[dict[str, Any]], Item]] = {
            "import": lambda i: Import(
                name_in(i.get("name")),
                name_in(i.get("module")),
                name_in(i["attribute"]) if "attribute" in i else "",
            ),
            "same": lambda i: Same(name_in(i.get("token")), names_in(i.get("names"), "names")),
            "stays": lambda i: Stays(
                names_in(i.get("names"), "names"),
                name_in(i.get("culprit")),
                shown_in(i.get("type"), "type"),
                shown_in(i.get("reason"), "reason"),
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
        must(not patch or len(slots) == len(manifests), "a patch has a slot for each manifest")
        must(len(set(slots)) == len(slots), "a patch has each slot once")
        must(patch or bool(manifests), "a value has a head")
        return Parcel(
            token=name_in(item.get("token")),
            names=names_in(item.get("names"), "names"),
            kind=item["is"],
            manifests=manifests,
            base=text_in(item.get("base"), "base"),
            slots=slots,
            definitions=tuple(
                _definition_in(d) for d in _list(item.get("definitions"), "definitions")
            ),
            detached=_flag(item.get("detached"), "detached"),
        )

    def _manifest(self, fields: Any) -> Manifest:
        length, chunk_bytes, start, count = _tuple(fields, 4, "manifest")
        length = _number(length, "length", MAX_BUFFER_BYTES)
        chunk_bytes = _number(chunk_bytes, "chunk_bytes", MAX_CHUNK_BYTES)
        must(chunk_bytes > 0, "a chunk has at least one byte")
        count = _number(count, "count", MAX_BUFFER_BYTES)
        must(count == -(-length // chunk_bytes), "a manifest names every chunk of its buffer")
        start = _number(start, "start", len(self._names) - count)
        return Manifest(length, chunk_bytes, self._names[start : start + count])


def must(condition: bool, rule: str) -> None:
    """Raise `ProtocolError` naming the `rule` unless `condition`."""
    if not condition:
        raise ProtocolError(f"a message about names breaks the rule: {rule}")


def _flag(value: Any, key: str) -> bool:
    if type(value) is not bool:
        raise ProtocolError(f"the field {key!r} is not true or false")
    return value


def _number(value: Any, key: str, limit: int) -> int:
    if type(value) is not int or not 0 <= value <= limit:
        raise ProtocolError(f"the field {key!r} is not a whole number from 0 to {limit}")
    return value


def text_in(value: Any, key: str) -> str:
    """Return a text of an allowed length; `ProtocolError` otherwise."""
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        raise ProtocolError(f"the field {key!r} is not a text of an allowed length")
    return value


def shown_in(value: Any, key: str) -> str:
    """Return a text that is shown to people, without anything a terminal would obey."""
    return plain(text_in(value, key), MAX_SHOWN_CHARS)


def name_in(value: Any) -> str:
    """Return a name of an allowed length; `ProtocolError` otherwise."""
    if not isinstance(value, str) or not 0 < len(value) <= 1000 or not value.isprintable():
        raise ProtocolError(f"{value!r:.100} is not a name")
    return value


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise ProtocolError(f"the field {key!r} is not a list of an allowed length")
    return value


def _tuple(value: Any, length: int, key: str) -> list[Any]:
    items = _list(value, key)
    must(len(items) == length, f"{key} has {length} fields")
    return items


def names_in(value: Any, key: str) -> tuple[str, ...]:
    """Return a list of names; `ProtocolError` otherwise."""
    return tuple(name_in(n) for n in _list(value, key))


def cell_out(cell: Cell) -> dict[str, Any]:
    """Return the fields of a cell."""
    return {"n": cell.number, "id": cell.ident, "file": cell.filename, "text": cell.source}


def cell_in(fields: Any) -> Cell:
    """Validate and rebuild a cell."""
    must(isinstance(fields, dict), "a cell is a dictionary")
    number = _number(fields.get("n"), "n", 1 << 53)
    filename = text_in(fields.get("file"), "file")
    return Cell(number, name_in(fields.get("id")), filename, text_in(fields.get("text"), "text"))


def _definition_in(fields: Any) -> Definition:
    name, serial, cell, bound, uses = _tuple(fields, 5, "definition")
    must(isinstance(bound, bool), "bound is true or false")
    return Definition(
        name_in(name),
        name_in(serial),
        _number(cell, "cell", 1 << 53),
        bound,
        tuple(_pair_in(u) for u in _list(uses, "uses")),
    )


def _pair_in(fields: Any) -> tuple[str, str]:
    name, serial = _tuple(fields, 2, "uses")
    return name_in(name), name_in(serial)


def description_out(description: Description) -> list[Any]:
    """Return the fields of a description."""
    return [description.type, description.text, description.bytes, description.module]


def description_in(fields: Any) -> Description:
    """Validate and rebuild a description."""
    kind, text, size, module = _tuple(fields, 4, "description")
    size = _number(size, "bytes", MAX_BUFFER_BYTES)
    return Description(
        shown_in(kind, "type"), shown_in(text, "text"), size, shown_in(module, "module")
    )
