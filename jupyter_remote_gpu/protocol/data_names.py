"""How a path in placed data is said on the wire: each side has the same data at its own place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataName:
    """A file or folder of data: `text` is their address with version, `inside` a path in them.

    `inside` has slashes, and is "" for all of them.
    """

    text: str
    inside: str = ""


class InData(ABC):
    """A value that stands for a path in data: the other side's path for it takes its place there.

    It never changes and links no values.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def data_name(self) -> DataName:
        """Which data, and what in them."""
