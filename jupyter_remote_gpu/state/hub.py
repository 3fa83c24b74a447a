"""The notebook's namespace among all its machines: this computer is the hub between them.

Every name has one owner; what moves from machine to machine goes through here.
A `Home` keeps the books about one machine. To each of them, what a cell did on
another machine is the same as what a local cell did: the name was bound or may
have changed, and the newest value is not there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from jupyter_remote_gpu.protocol.state import Cell

from .analysis import Footprint, footprint, words_in_texts
from .bindings import BLIND
from .coherence import Place
from .components import Walk
from .describing import describe
from .fetching import Moved
from .half import Half
from .home import Home
from .looks import only_looked_at
from .namespace import Held, is_hidden, is_module, is_simple
from .notebook import Notebook
from .placeholders import Placeholder, description_of
from .survey import Survey

__all__ = ["Fetch", "Hub", "LocalCell", "Row"]

_WALKED_OBJECTS = 20_000
"""How far into a value a local cell's needs are followed; beyond, placeholders speak up."""
_WHERE = {Place.THERE: "there", Place.CHANGED: "there", Place.LOST: "lost"}

Fetch = Callable[[Home, frozenset[str], frozenset[str]], Moved]
"""Brings names home from one machine, over whatever reaches it: (home, names, optional)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of names.

    `where` is here, both, there, stays or lost; `machines` those that hold the newest value.
    """

    name: str
    where: str
    type: str
    text: str
    bytes: int
    shares_with: tuple[str, ...] = ()
    why: str = ""
    machines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalCell:
    """What was noted before a local cell ran."""

    text: Footprint
    reached: frozenset[str]
    held: dict[str, Held] = field(default_factory=dict)


class Hub:
    """The namespace `namespace` (the user's `user_ns`) and the homes of its machines. No own I/O.

    Called by the thread that runs the user's cells.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.notebook = Notebook(namespace)
        self._homes: list[Home] = []
        self._pending: Cell | None = None
        self._recorded: Cell | None = None
        self._analysed: tuple[ast.Module, Footprint] | None = None

    @property
    def homes(self) -> tuple[Home, ...]:
        """Return the homes of all machines, in the order in which they joined."""
        return tuple(self._homes)

    def join(self, machine: str = "the machine", *, trusted: bool = True) -> Home:
        """Begin to keep books about a machine; from an untrusted one only data comes back."""
        home = Home(self.notebook, machine, trusted=trusted)
        self._homes.append(home)
        return home

    def owner(self, name: str) -> Home | None:
        """Return the home of the machine that has the newest value of `name`, None if it is here.

        A name that was lost belongs to the machine it was lost with.
        """
        for home in self._homes:
            if name in home.places.elsewhere or home.places[name] is Place.LOST:
                return home
        return None

    def record(self, source: str, filename: str) -> None:
        """Remember the text of a local cell before it runs; `filename` as in its tracebacks."""
        self._pending = self.notebook.new_cell(source, filename)
        self._recorded = self._pending
        self.notebook.cells.add(self._pending)

    @property
    def running(self) -> Cell | None:
        """The text of the local cell that is running, until what it did has been found out."""
        return self._recorded

    def resume(self, cell: Cell | None) -> None:
        """Go on with a local cell, of which only a part had run when it was looked at."""
        self._pending = cell

    # -- before and after a local cell ----------------------------------------------------------

    def waits(self, tree: ast.Module) -> bool:
        """Say, without looking far, whether a local cell may read what is on a machine."""
        reads = self._footprint(tree).reads
        return any(home.places.elsewhere or home.lost_among(reads) for home in self._homes)

    def bring(self, tree: ast.Module, fetch: Fetch) -> None:
        """Have all fetched that a local cell is about to read; raises what `fetch` raises.

        What it uses only inside functions may stay where it is if it cannot be copied.
        """
        if self.waits(tree):
            reads = self._footprint(tree).reads
            self._bring(lambda: (self._needed(tree), reads), self._homes, fetch)

    def gather(self, source: str, destination: Home, fetch: Fetch) -> None:
        """Have all fetched that a remote cell at `destination` needs from other machines."""
        others = [home for home in self._homes if home is not destination]
        if not others:
            return
        reads = footprint(ast.parse(source)).reads
        self._bring(lambda: destination.needs(reads), others, fetch)

    def _needed(self, tree: ast.Module) -> set[str]:
        """Return what a local cell may use, names in its strings included if it evaluates text."""
        reached, evaluates, _ = self._reach(self._used(tree))
        return reached | self._reach(words_in_texts(tree))[0] if evaluates else reached

    def _bring(
        self,
        needed: Callable[[], tuple[set[str], Iterable[str]]],
        homes: Iterable[Home],
        fetch: Fetch,
    ) -> None:
        """Fetch what is `needed` (all, and of these what must come) until nothing new appears.

        What arrives may need more: only then is its code here to be read.
        """
        asked: set[str] = set()
        again = True
        while again:
            again = False
            names, required = needed()
            for home in homes:
                lost = home.lost_among(required)
                wanted = (names & home.places.elsewhere) - asked | lost
                if wanted:
                    again = True
                    asked |= wanted
                    fetch(home, frozenset(wanted), frozenset(wanted.difference(required)))

    def before_local(self, tree: ast.Module) -> LocalCell:
        """Take note before a local cell runs (after `bring`); pass the result to `after_local`."""
        text = self._footprint(tree)
        namespace, partition = self.notebook.namespace, self.notebook.partition
        if not partition.used and not any(home.places for home in self._homes):
            held = {n: Held(namespace[n]) for n in text.binds if n in namespace}
            return LocalCell(text, frozenset(), held)
        partition.sync()
        reached, evaluates, cut = self._reach(self._used(tree))
        if evaluates or cut:
            reached |= self._known()
            partition.touch_all()
        names = reached | text.binds | text.deletes
        held = {n: Held(namespace[n]) for n in names if n in namespace}
        return LocalCell(text, frozenset(reached), held)

    def after_local(self, before: LocalCell) -> None:
        """Find out what the local cell did to the names."""
        namespace, held = self.notebook.namespace, before.held
        used = self.notebook.partition.used
        bound, gone = self.notebook.partition.sync() if used else ((), ())
        rebound = {
            n
            for n in held.keys() | before.text.binds
            if n in namespace and not (n in held and held[n].holds(namespace[n]))
        }
        rebound.update(n for n in bound if n in namespace and not is_hidden(n, namespace[n]))
        if self._pending is not None:
            cell, self._pending = self._pending, None
            self.notebook.cells.note(cell, {n: namespace[n] for n in rebound}, namespace)
        deleted = {n for n in (*held, *gone) if n not in namespace}
        reached = before.reached | before.text.binds
        self.notebook.ran(None, (*rebound, *deleted), reached)
        for name in (*rebound, *deleted):
            self.notebook.deps.pop(name, None)

    def table(self) -> tuple[Row, ...]:
        """Return a row for each name, sorted."""
        notebook = self.notebook
        survey = Survey.whole(
            Half(
                notebook.namespace,
                outward=True,
                cells=notebook.cells,
                partition=notebook.partition,
            )
        )
        rows = []
        for name, value in sorted(self.notebook.namespace.items()):
            if not is_hidden(name, value) and not is_module(value):
                rows.append(self._row(name, value, survey))
        return tuple(rows)

    def _row(self, name: str, value: Any, survey: Survey) -> Row:
        owner = self.owner(name)
        if owner is None:
            machines = tuple(h.machine for h in self._homes if h.places[name] is Place.BOTH)
            where, why = "both" if machines else "here", ""
        else:
            machines = (owner.machine,)
            where, why = _WHERE[owner.places[name]], owner.why_it_stays(name)
            if why and where == "there":
                where = "stays"
        about = (
            description_of(value)
            if isinstance(value, Placeholder)
            else describe(value, survey.sizes.get(name, 0))
        )
        partners = tuple(n for n in survey.components.get(name, ()) if n != name)
        partners = partners or self.notebook.partners(name)
        return Row(name, where, about.type, about.text, about.bytes, partners, why, machines)

    def _known(self) -> set[str]:
        """Return the names that some machine has heard of."""
        return {name for home in self._homes for name in home.places.known()}

    def _footprint(self, tree: ast.Module) -> Footprint:
        if self._analysed is None or self._analysed[0] is not tree:
            self._analysed = (tree, footprint(tree))
        return self._analysed[1]

    def _used(self, tree: ast.Module) -> frozenset[str]:
        """Return the names whose values a local cell may do more with than look at them."""
        text = self._footprint(tree)
        return text.reads - only_looked_at(tree, text, self.notebook.namespace)

    def _reach(self, names: Iterable[str]) -> tuple[set[str], bool, bool]:
        """Return the names that code mentioning `names` here may use, following values lazily.

        And whether there may be others: because code looks names up by itself, or
        because a value is too large to be looked through for it.
        """
        namespace, partition = self.notebook.namespace, self.notebook.partition
        blind = False
        walk = Walk(namespace)
        todo, seen = list(names), set()
        while todo:
            name = todo.pop()
            if name in seen or name not in namespace or is_hidden(name):
                blind = blind or name in BLIND
                continue
            seen.add(name)
            value = namespace[name]
            if type(value) is Placeholder:
                todo.extend(self.notebook.deps.get(name, ()))
            elif not is_simple(value):
                needs = partition.exact_needs(name)
                if needs is None:
                    walk.add(name, value, _WALKED_OBJECTS)
                    needs = frozenset(walk.needs[name])
                todo.extend(needs)
        return seen, blind, bool(walk.cut)
