"""A machine: a computer with a Python we may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

MachineKind = Literal["embedded", "ssh"]


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine as the client knows it; a value, nothing of it is connected.

    `workspace` is the project's folder there, as a path of that machine, None
    where only the machine can say; `host` is what ssh is told. A machine that
    is not `trusted` may send data back, never pickles, and what it shows is
    cleaned (`docs/design/trust.md`).
    """

    name: str
    kind: MachineKind
    trusted: bool
    workspace: PurePath | None = None
    host: str = ""

    def describe(self) -> str:
        """Return the few words by which messages name this machine."""
        if self.kind == "embedded":
            return f"{self.name} (a second Python on this computer, in {self.workspace})"
        return f"{self.name} (reached by SSH as {self.host})"
