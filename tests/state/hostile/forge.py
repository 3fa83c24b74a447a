"""Heads of plain data put together by hand, so that they can break every rule."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.state.plain import layout

Ref = int


class Forge:
    """Writes records one by one; nothing is checked here."""

    def __init__(self) -> None:
        self.layout = layout.Layout()

    def put(self, value: Any) -> Ref:
        """Add a constant and return its reference."""
        out = self.layout
        for number, fixed in enumerate(layout.FIXED):
            if value is fixed:
                return number
        if type(value) is int:
            big = not -(1 << 63) <= value < 1 << 63
            out.kinds.append(layout.BIG if big else layout.INT)
            if big:
                self._bytes(value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
            else:
                out.ints.append(value)
        elif type(value) is float:
            out.kinds.append(layout.FLOAT)
            out.floats.append(value)
        elif type(value) is str:
            out.kinds.append(layout.TEXT)
            self._bytes(value.encode("utf-8", "surrogatepass"))
        else:
            out.kinds.append(layout.BYTES)
            self._bytes(value)
        return len(layout.FIXED) + len(out.kinds) - 1

    def _bytes(self, data: bytes) -> None:
        self.layout.lengths.append(len(data))
        self.layout.blob.append(data)

    def record(self, operation: int, *refs: Ref) -> Ref:
        """Add a record and return the reference of what it makes."""
        self.layout.code.extend([operation, len(refs), *refs])
        if operation == layout.FILL:
            return refs[0]
        self.layout.objects += 1
        return -self.layout.objects

    def tuple(self, *refs: Ref) -> Ref:
        return self.record(layout.TUPLE, *refs)

    def list(self, *refs: Ref) -> Ref:
        return self.record(layout.LIST, *refs)

    def dict(self, *refs: Ref) -> Ref:
        return self.record(layout.DICT, *refs)

    def fill(self, ref: Ref, *refs: Ref) -> Ref:
        return self.record(layout.FILL, ref, *refs)

    def build(self, tag: str, *parts: Any) -> Ref:
        """Make a value of a kind; parts are references if negative numbers, else constants."""
        refs = [p if type(p) is int and p < 0 else self.put(p) for p in parts]
        return self.record(layout.BUILD, self.put(tag), *refs)

    def head(self, value: Ref, name: str = "x") -> bytes:
        """Return a head that holds `value` under `name`."""
        names = self.dict(self.put(name), value)
        self.tuple(self.tuple(names, self.dict()))
        return self.layout.pack()

    def raw(self, value: Ref) -> bytes:
        """Return a head whose whole payload is `value`."""
        self.tuple(value)
        return self.layout.pack()
