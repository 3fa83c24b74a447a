"""What a remote cell's `dataset("…")` asks for: found out here, placed there, answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.reference import Kind, Reference
from jupyter_remote_gpu.datasets.remembered import Remembered
from jupyter_remote_gpu.datasets.source import Resolved, Source
from jupyter_remote_gpu.errors import InternalError, NotAvailableError, RemoteGPUError
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.steps import Told

from .cell_push import CellPush
from .cell_words import texts_given_to, texts_in
from .client import AgentClient
from .datasets import Carry, Placed, Placement, Where
from .file_words import count_text
from .summary import seconds_text, size_text

DATASET = "dataset"
DATA = "data"
"""The folder below the notebook's in which datasets are found."""


Placing = Callable[[Callable[[AgentClient], Coroutine[Any, Any, Placed]]], Placed]
Shown = Callable[[Callable[[float], str]], AbstractContextManager[None]]
"""Shows what is told while a block runs, and at its end what the seconds it took make."""


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
        reference = self._reference(address, called)
        found = None
        if reference.kind is not Kind.LOCAL:  # what lies here may change at any time
            found = self._remembered.get(reference) or self._at_version(reference)
        if found is None:
            found = self._finding.of(reference).resolve(reference)
            self._remembered.put(found)
        return found

    def known(self, address: str, *, called: str = "") -> Resolved | None:
        """Return what an address was found to mean before; asks nobody. BadReferenceError.

        Good for saying what there is: addresses that differ in what is secret are one.
        """
        return self._remembered.alike(self._reference(address, called))

    def named(self, text: str) -> Resolved | None:
        """Return what was found to have this address with version; asks nobody."""
        return self._remembered.named(text)

    def _at_version(self, reference: Reference) -> Resolved | None:
        """Return what was found under a name without version, and is the version asked for."""
        found = self._remembered.named(reference.text) if reference.version else None
        return replace(found, reference=reference) if found is not None else None

    def source(self, reference: Reference) -> Source:
        """Return the source of a reference."""
        return self._finding.of(reference)

    def forget(self, address: str, *, called: str = "") -> None:
        """Have the source asked again which version an address means."""
        self._remembered.forget(self._reference(address, called))

    def reference(self, address: str) -> Reference:
        """Return what an address says, without asking anybody. BadReferenceError."""
        return self._reference(address, "")

    def _reference(self, address: str, called: str) -> Reference:
        return parse_reference(address, base=self._folder, called=called)

    async def place(
        self,
        client: AgentClient,
        resolved: Resolved,
        address: str,
        where: Where,
        told: Told,
        below: str = "",
        carry: Carry | None = None,
        *,
        aside: bool = False,
    ) -> Placed:
        """Have a machine hold what an address means, and link it; in the client's loop.

        `where` has a project, and says for the rest what is not usual: `data/NAME`
        in it, `below` a folder of it, and the name that data of Kaggle have there.
        On this computer nothing is made outside of the project. `aside`: see `Placement`.
        """
        reference = resolved.reference
        kaggle = at_kaggle(resolved)
        usual = Where(
            where.workspace,
            where.folder,
            where.at or str(PurePosixPath(below, DATA, reference.name)),
            where.kaggle or (kaggle if where.workspace else ""),
        )
        source = self._finding.of(reference)
        placement = Placement(
            client, resolved, source, usual, asked=address, aside=aside, carry=carry
        )
        placed = await placement.run(told)
        if not kaggle or where.workspace:
            return placed
        note = f"on this computer what notebooks read at /kaggle/input/{kaggle} is {usual.at}"
        return replace(placed, notes=(*placed.notes, note))


class CellData:
    """Answers what cells of one session ask for while they run; used by the cell's thread.

    `placing` carries out, in the loop, what is done with the machine's client,
    and waits for it; `shown` shows meanwhile what `told` hears, and `say` a line
    that is worth one. `where` is the project there, and the notebook's folder
    below it. A machine that is not trusted gets only what the cell's own text
    names, and none gets files of this computer that it does not.
    """

    def __init__(
        self,
        data: ProjectData,
        placing: Placing,
        where: Callable[[], tuple[Where, str]],
        told: Told,
        shown: Shown,
        say: Callable[[str], None] = lambda line: None,
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
        self._say = say
        self._said: set[str] = set()
        self._trusted = trusted
        self._carry = carry

    def answer(self, event: Event, source: str) -> str:
        """Return the answer to a cell of text `source` that asks for something: a line of JSON.

        It asks for an address (`dataset`), or to `publish`. Of a run of an earlier
        kernel of the notebook, which is shown again, the text is "": nothing is
        published for it. KeyboardInterrupt ends the download, keeping what arrived.
        """
        if event.kind == "publish" and self._push is None:
            return no_answer(event)
        try:
            if event.kind == "publish":
                _require_own(source)
                return self._published(event, source)
            address = event.fields["address"]
            self._require_named(address, source)
            return json.dumps({"path": self.place(address, aside=True).path})
        except Exception as error:  # whatever it is, the cell waits for an answer
            return json.dumps(_told(error))

    def _published(self, event: Event, source: str) -> str:
        assert self._push is not None
        return json.dumps(self._push.answer(event.fields["question"], source))

    def place(self, address: str, *, called: str = "", aside: bool = False) -> Placed:
        """Have the machine hold what an address means, linked into the project; blocks.

        What was fetched is said, with its version, and once what the user should
        know of it, which the answer has no more. `aside`: see `Placement`. Raises
        BadReferenceError, DatasetError, DiskFullError and others of the tree.
        """
        found: list[tuple[Resolved, Placed]] = []
        shown: list[str] = []

        def summary(seconds: float) -> str:
            resolved, placed = found[0]
            shown.append(placed_line(resolved, placed, f" in {seconds_text(seconds)}"))
            return shown[0]

        with self._shown(summary):
            resolved = self._data.resolve(address, called=called)
            where, below = self._where()

            async def place(client: AgentClient) -> Placed:
                return await self._data.place(
                    client, resolved, address, where, self._told, below, self._carry, aside=aside
                )

            placed = self._placing(place)
            found.append((resolved, placed))
        if placed.fetched and not shown:
            self._say(placed_line(resolved, placed))
        for note in placed.notes:
            if note not in self._said:
                self._said.add(note)
                self._say(note)
        return replace(placed, notes=())

    def _require_named(self, address: str, source: str) -> None:
        reference = self._data.reference(address)
        lies_here = reference.kind is Kind.LOCAL
        if self._trusted and not lies_here:
            return
        # "." and "/" stand in many cells, and are folders of this computer
        strict = lies_here and not self._trusted
        named = texts_given_to(DATASET, source) if strict else texts_in(source)
        if address not in named:
            raise NotAvailableError(
                f"the machine asks for {reference.text}, which the cell does not name",
                hint='Write the address in the cell as it is, `dataset("ADDRESS")`, or place the'
                " data first with `%remote_gpu data`.",
            )


def _require_own(source: str) -> None:
    """Refuse to publish for a run that is shown again: it may have been done long ago."""
    if not source:
        raise NotAvailableError(
            "what is to be published was begun by a notebook kernel that has ended",
            hint="Run the cell again: files that arrived are not sent again.",
        )


def _told(error: Exception) -> dict[str, str | None]:
    """Return what a cell is told of an error here; words of others' may hold a signed address."""
    if not isinstance(error, RemoteGPUError):
        what = type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            what = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        error = InternalError(f"what the cell asks for failed on your computer: {what}")
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}


def at_kaggle(resolved: Resolved) -> str:
    """Return the name below /kaggle/input that public notebooks find data by; "" for none."""
    reference = resolved.reference
    if reference.kind in (Kind.KAGGLE, Kind.COMPETITION):
        return reference.name
    if reference.kind is not Kind.KAGGLE_MODEL:
        return ""
    _, model, framework, variation = reference.place.split("/")
    return f"{model}/{framework}/{variation}/{resolved.version}".lower()


def placed_line(resolved: Resolved, placed: Placed, more: str = "") -> str:
    """Return what is said of data that a machine has now: which version, how much, and where."""
    count = count_text(placed.files)
    fetched = "fetched" if placed.fetched else "found"
    place = PurePosixPath(placed.path)
    at = path_text(f"{place.parent.name}/{place.name}")
    return f"{resolved.said}, {count}, {size_text(placed.bytes)}, {fetched}{more}: {at}"


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
