"""The versions of components that both sides hold: how each side recognises them again.

A version's digests are compared only on the side that made them; what the two
sides share is its `token` and, for its buffers, the slots of the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.chunks.fingerprint import Fingerprint

from .namespace import Held


@dataclass(slots=True)
class Version:
    """A component as it was when both sides last held the same.

    `head` and `prints` are this side's digests; `slots[i]` is the wire's slot
    of this side's buffer i, or `slots` is None if they could not be matched.
    `dirty` says that a cell may have changed it since.
    """

    token: str
    names: tuple[str, ...]
    head: bytes
    prints: tuple[Fingerprint, ...]
    slots: tuple[int, ...] | None
    values: dict[str, Held]
    dirty: bool = False

    def held(self, values: Mapping[str, Any]) -> bool:
        """Say whether `values` still are the very objects of this version."""
        return all(
            name in values and held.holds(values[name]) for name, held in self.values.items()
        )

    def nbytes(self) -> int:
        """Return how much its buffers weigh."""
        return sum(p.length for p in self.prints)


class Versions:
    """The versions one side holds, found by token and by name."""

    def __init__(self) -> None:
        self._by_token: dict[str, Version] = {}
        self._by_name: dict[str, Version] = {}

    def add(self, version: Version) -> None:
        """Hold `version` in place of any that shares a name with it."""
        self.drop(version.names)
        self._by_token[version.token] = version
        for name in version.names:
            self._by_name[name] = version

    def drop(self, names: Iterable[str]) -> None:
        """Forget the versions that these names are part of."""
        for name in names:
            version = self._by_name.get(name)
            if version is not None:
                self._by_token.pop(version.token, None)
                for member in version.names:
                    if self._by_name.get(member) is version:
                        del self._by_name[member]

    def of(self, name: str) -> Version | None:
        """Return the version that `name` is part of."""
        return self._by_name.get(name)

    def exact(self, names: tuple[str, ...]) -> Version | None:
        """Return the version made of exactly these names."""
        version = self._by_name.get(names[0]) if names else None
        return version if version is not None and version.names == names else None

    def token(self, token: str) -> Version | None:
        """Return the version called `token`."""
        return self._by_token.get(token)

    def touch(self, names: Iterable[str]) -> None:
        """Note that cells may have changed what these names hold."""
        for name in names:
            version = self._by_name.get(name)
            if version is not None:
                version.dirty = True

    def linked(self, names: Iterable[str]) -> set[str]:
        """Return `names` and all that shared a version with one of them."""
        found = set(names)
        for name in tuple(found):
            version = self._by_name.get(name)
            if version is not None:
                found.update(version.names)
        return found

    def all(self) -> list[Version]:
        """Return all versions held."""
        return list(self._by_token.values())
