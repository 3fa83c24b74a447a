"""What a remote cell's `dataset("…")` asks for: found out here, placed there, answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.reference import Kind, Reference
from jupyter_remote_gpu.datasets.remembered import Remembered
from jupyter_remote_gpu.datasets.source import Resolved, Source
from jupyter_remote_gpu.errors import NotAvailableError, RemoteGPUError
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.steps import Told

from .cell_push import CellPush
from .client import AgentClient
from .datasets import Carry, Placed, Placement, Where

DATA = "data"
"""The folder below the notebook's in which datasets are found."""


Placing = Callable[[Callable[[AgentClient], Coroutine[Any, Any, Placed]]], Placed]


class Finding(Protocol):
    """Where references lead: `datasets.sources.Sources`."""

    def of(self, reference: Reference) -> Source:
        """Return the source of a reference."""
        ...


class ProjectData:
    """The datasets of one project: what its addresses mean, and placing them on machines.

    `folder` is the notebook's here, to which local paths are relative;
    `remembered` keeps which version an address was found to mean.
    """

    def __init__(self, folder: Path, finding: Finding, remembered: Remembered) -> None:
        self._folder = folder
        self._finding = finding
        self._remembered = remembered

    def resolve(self, address: str, *, called: str = "") -> Resolved:
        """Return what an address means; asks its source the first time alone. Blocks.

        Raises BadReferenceError and what sources raise.
        """
        reference = parse_reference(address, base=self._folder, called=called)
        found = None
        if reference.kind is not Kind.LOCAL:  # what lies here may change at any time
            found = self._remembered.get(reference)
        if found is None:
            found = self._finding.of(reference).resolve(reference)
            self._remembered.put(found)
        return found

    def source(self, reference: Reference) -> Source:
        """Return the source of a reference."""
        return self._finding.of(reference)

    def forget(self, address: str, *, called: str = "") -> None:
        """Have the source asked again which version an address means."""
        self._remembered.forget(parse_reference(address, base=self._folder, called=called))

    async def place(
        self,
        client: AgentClient,
        resolved: Resolved,
        address: str,
        where: Where,
        told: Told,
        below: str = "",
        carry: Carry | None = None,
    ) -> Placed:
        """Have a machine hold what an address means, and link it; in the client's loop.

        `where` has a project, and says for the rest what is not usual: `data/NAME`
        in it, `below` a folder of it, and the same name below /kaggle/input for
        data of Kaggle, where that is another computer.
        """
        reference = resolved.reference
        # on this computer nothing is made outside the project
        kaggle = bool(where.workspace) and reference.kind in (Kind.KAGGLE, Kind.COMPETITION)
        usual = Where(
            where.workspace,
            where.folder,
            where.at or str(PurePosixPath(below, DATA, reference.name)),
            where.kaggle or (reference.name if kaggle else ""),
        )
        source = self._finding.of(reference)
        placement = Placement(client, resolved, source, usual, asked=address, carry=carry)
        return await placement.run(told)


class CellData:
    """Answers what cells of one session ask for while they run; used by the cell's thread.

    `placing` carries out, in the loop, what is done with the machine's client,
    and waits for it; `shown` shows meanwhile what `told` hears. `where` is the
    project there, and the notebook's folder below it. A machine that is not
    trusted gets only what the cell's own text names, and none gets files of this
    computer that it does not.
    """

    def __init__(
        self,
        data: ProjectData,
        placing: Placing,
        where: Callable[[], tuple[Where, str]],
        told: Told,
        shown: Callable[[], AbstractContextManager[None]],
        *,
        trusted: bool,
        carry: Carry | None = None,
        push: CellPush | None = None,
    ) -> None:
        self._data = data
        self._push = push
        self._placing = placing
        self._where = where
        self._told = told
        self._shown = shown
        self._trusted = trusted
        self._carry = carry

    def answer(self, event: Event, source: str) -> str:
        """Return the answer to a cell of text `source` that asks for something: a line of JSON.

        It asks for an address (`dataset`), or to `publish`. KeyboardInterrupt ends
        the download, keeping what arrived.
        """
        if event.kind == "publish":
            return no_answer(event) if self._push is None else self._published(event, source)
        address = event.fields["address"]
        try:
            self._require_named(address, source)
            return json.dumps({"path": self.place(address).path})
        except RemoteGPUError as error:
            told = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
            return json.dumps(told)

    def _published(self, event: Event, source: str) -> str:
        assert self._push is not None
        return json.dumps(self._push.answer(event.fields["question"], source))

    def place(self, address: str, *, called: str = "") -> Placed:
        """Have the machine hold what an address means, linked into the project; blocks.

        Raises BadReferenceError, DatasetError, DiskFullError and others of the tree.
        """
        with self._shown():
            resolved = self._data.resolve(address, called=called)
            where, below = self._where()

            async def place(client: AgentClient) -> Placed:
                return await self._data.place(
                    client, resolved, address, where, self._told, below, self._carry
                )

            return self._placing(place)

    def _require_named(self, address: str, source: str) -> None:
        reference = parse_reference(address)
        if address not in source and (not self._trusted or reference.kind is Kind.LOCAL):
            raise NotAvailableError(
                f"the machine asks for {reference.text}, which the cell does not name",
                hint="Write the address in the cell as it is, or place the data first with"
                " `%remote_gpu data`.",
            )


def no_answer(event: Event) -> str:
    """Return the answer where nobody can place data: a script, or a session without a project."""
    if event.kind == "publish":
        told = {
            "kind": "NotAvailableError",
            "message": "nothing can be published from here",
            "hint": "`push_to_hub` works in cells of a notebook.",
        }
        return json.dumps(told)
    address = event.fields["address"]
    return json.dumps(
        {
            "kind": "NotAvailableError",
            "message": f"{address[:200]} is not on this machine, and cannot be fetched from here",
            "hint": "Place it first: `%remote_gpu data ADDRESS`, or `--datasets`.",
        }
    )
