"""Which run, and which message of the front end, an output belongs to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Parent:
    """A run id with the Jupyter message that asked for it (`{"header": …}`)."""

    run: str | None = None
    message: dict[str, Any] = field(default_factory=lambda: {"header": {}})

    @property
    def id(self) -> str | None:
        """The id of the front end's message, or None outside any."""
        found = self.message["header"].get("msg_id")
        return found if isinstance(found, str) else None


class Parents:
    """The parent of the main thread's run, and of threads that serve another message.

    ipykernel keeps this per context variable, per thread or globally,
    depending on its version; outputs here ask this class alone. A thread that
    user code started belongs to the latest run, also after that run's end.
    """

    def __init__(self) -> None:
        self._main = Parent()
        self._local = threading.local()

    def current(self) -> Parent:
        """Return the parent that an output of the calling thread has."""
        own: Parent | None = getattr(self._local, "parent", None)
        return self._main if own is None else own

    @property
    def in_callback(self) -> bool:
        """Whether the calling thread serves a message of its own, as a widget's callback does."""
        return getattr(self._local, "parent", None) is not None

    def begin(self, run: str, header: dict[str, Any]) -> Parent:
        """Make a run's parent the one of the main thread and of user threads."""
        self._main = Parent(run, {"header": header})
        return self._main

    @contextmanager
    def serving(self, header: dict[str, Any]) -> Iterator[None]:
        """Let outputs of the calling thread belong to another front end message."""
        before = getattr(self._local, "parent", None)
        self._local.parent = Parent(self._main.run, {"header": header})
        try:
            yield
        finally:
            self._local.parent = before
