"""The user's side: it owns the notebook's namespace and decides what moves."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import types
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_remote_gpu.protocol.state import Cell, Description, Import, Report

from .ambient.ambience import Ambience
from .analysis import Footprint, footprint
from .code import ident_of
from .coherence import Event, Place, Places
from .components import Walk
from .departing import Departing, Departure, lost_error
from .describing import describe
from .fetching import Fetching, Moved, imported, uninterrupted
from .half import Half
from .namespace import Held, bind, is_hidden, is_module, is_simple, unbind
from .peer import Peer, Progress
from .placeholders import Placeholder, description_of
from .survey import Survey

__all__ = ["Departure", "Home", "LocalCell", "Losses", "Moved", "Row"]

_WALKED_OBJECTS = 20_000
"""How far into a value a local cell's needs are followed; beyond, placeholders speak up."""
_WHERE = {
    Place.HERE: "here",
    Place.TOUCHED: "here",
    Place.BOTH: "both",
    Place.THERE: "there",
    Place.CHANGED: "there",
    Place.LOST: "lost",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of names. `where` is here, both, there, stays or lost."""

    name: str
    where: str
    type: str
    text: str
    bytes: int
    shares_with: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Losses:
    """What went with a machine's kernel: `lost` names, those of which an `older` value is kept."""

    lost: tuple[str, ...]
    older: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LocalCell:
    """What was noted before a local cell ran."""

    text: Footprint
    reached: frozenset[str]
    held: dict[str, Held] = field(default_factory=dict)


class Home:
    """The notebook's half of the namespace `namespace` (the user's `user_ns`). No own I/O."""

    def __init__(self, namespace: dict[str, Any], machine: str = "the machine") -> None:
        self._half = Half(namespace, outward=True)
        self._machine = machine
        self._places = Places()
        self._ambience = Ambience()
        self._deps: dict[str, tuple[str, ...]] = {}
        self._stays: dict[str, str] = {}
        self._parked_there: set[str] = set()
        self._texts_there: set[int] = set()
        # a notebook that comes back to a machine must not use the numbers of its earlier life
        life = int.from_bytes(os.urandom(5), "little") << 12
        self._numbers = itertools.count(life)
        self._tokens = (f"home-{n}" for n in itertools.count(life))
        self._pending: Cell | None = None
        self._analysed: tuple[ast.Module, Footprint] | None = None
        self._reached: frozenset[str] = frozenset()

    def depart(self, source: str, filename: str = "") -> Departure:
        """Work out what a remote cell needs; `source` is plain Python.

        Raises `SyntaxError`, `CannotTravelError`, `LostError`; changes nothing.
        """
        text = footprint(ast.parse(source))
        self._half.cells.adopt(self._half.values(), self._half.namespace)
        departure = self._departing().prepare(self._new_cell(source, filename), text)
        told, looks = self._ambience.changes()
        begin = replace(departure.begin, ambient=told)
        return replace(departure, begin=begin, looks=looks)

    def send_ahead(
        self, departure: Departure, peer: Peer, progress: Progress | None = None
    ) -> Departure:
        """Offer and supply what does not ride along; return the departure to go on with.

        May block. Raises `DamagedError` if chunks keep arriving damaged.
        """
        return self._departing().send_ahead(departure, peer, progress)

    def commit(self, departure: Departure) -> None:
        """Note that the machine applied `departure.begin`."""
        begin, half = departure.begin, self._half
        with uninterrupted():
            half.cells.add(begin.cell)
            self._texts_there.update(c.number for c in (*begin.cells, begin.cell))
            self._places.unbind.difference_update(begin.unbind)
            self._parked_there.update(begin.park)
            self._parked_there.difference_update(begin.unbind)
            for sending in departure.sendings:
                half.versions.add(sending.version)
                self._equal(sending.parcel.names)
            for name in begin.revive:
                version = half.versions.of(name)
                if version is not None:
                    version.dirty = False
            self._equal(begin.revive)
            self._equal([i.name for i in begin.items if isinstance(i, Import)])
            self._ambience.settle(departure.looks)

    def complete(self, departure: Departure, report: Report) -> None:
        """Take over what the remote cell did, failed or not."""
        with uninterrupted():
            for name in report.deleted:
                unbind(self._half.namespace, name)
            self._forget(report.deleted)
            for name, description in report.bound.items():
                self._put_aside(name, description)
            self._places.happen(Event.BOUND_THERE, report.bound)
            changed = [n for n in report.touched if self._places[n] is Place.BOTH]
            for name, description in report.touched.items():
                if name in changed or name in self._places.elsewhere:
                    self._put_aside(name, description)
            self._places.happen(Event.TOUCHED_THERE, changed)
            self._parked_there.difference_update(report.bound)
            self._deps.update({n: tuple(d) for n, d in report.deps.items()})
            for name in (*report.bound, *report.touched):
                self._stays.pop(name, None)
            self._stays.update(report.stays)
            self._ambience.take(report.ambient)

    def attach(self, report: Report) -> None:
        """Take over the names of a kernel that an earlier notebook left (`Away.census`).

        A name that is bound here already keeps its value of here: home wins.
        """
        with uninterrupted():
            new = {n: d for n, d in report.bound.items() if not self._half.has_value(n)}
            for name, description in new.items():
                self._put_aside(name, description)
            self._places.happen(Event.BOUND_THERE, new)
            self._places.unbind.update(report.bound.keys() - new.keys())
            self._deps.update({n: tuple(d) for n, d in report.deps.items() if n in new})
            self._stays.update({n: why for n, why in report.stays.items() if n in new})

    def wanted(self, tree: ast.Module) -> frozenset[str]:
        """Return the names a local cell may read whose newest value is on the machine. No I/O."""
        text = self._footprint(tree)
        gone = [n for n in text.reads if self._places[n] is Place.LOST]
        if not self._places.elsewhere and not gone:
            return frozenset()
        found = self._reach(text.reads) & self._places.elsewhere
        self._reached = frozenset(found - text.reads)
        return frozenset(found) | frozenset(gone)

    def fetch(self, names: Iterable[str], peer: Peer, progress: Progress | None = None) -> Moved:
        """Bring the newest values of `names` and all that belongs to them.

        May block; interrupted or failed, it leaves everything as it was. Raises
        `CannotTravelError` (the value stays where it is), `LostError`. Names that
        the latest `wanted` found only inside functions need not come: they stay
        placeholders if they cannot be copied.
        """
        wanted = set(names)
        for name in sorted(wanted):
            if self._places[name] is Place.LOST:
                raise lost_error(name, self._machine, "This cell was not run.")
        wanted &= self._places.elsewhere
        modules = self._import_there(wanted)
        if not wanted - set(modules):
            return Moved(modules)
        required = frozenset(wanted - self._reached)
        touched = {n for n in self._places.known() if self._places[n] is Place.TOUCHED}
        park = touched - self._parked_there
        fetching = Fetching(self._half, self._places, self._machine, required, self._stays)
        moved = fetching.run(wanted - set(modules), park, peer)
        self._parked_there |= park
        self._parked_there.difference_update(moved.names)
        return Moved((*modules, *moved.names), moved.patched, moved.unchanged, moved.bytes)

    def before_local(self, tree: ast.Module) -> LocalCell:
        """Take note before a local cell runs (after `fetch`); pass the result to `after_local`."""
        text = self._footprint(tree)
        namespace, known = self._half.namespace, self._places.known()
        reached = self._reach(text.reads) if known else set()
        names = {n for n in (*known, *text.binds) if n in namespace}
        return LocalCell(text, frozenset(reached), {n: Held(namespace[n]) for n in names})

    def after_local(self, before: LocalCell) -> None:
        """Find out what the local cell did to the names."""
        half, namespace = self._half, self._half.namespace
        watched = {*self._places.known(), *before.held}
        rebound = {
            n
            for n in watched | before.text.binds
            if n in namespace and not (n in before.held and before.held[n].holds(namespace[n]))
        }
        if self._pending is not None:
            cell, self._pending = self._pending, None
            half.cells.note(cell, {n: namespace[n] for n in rebound}, namespace)
        deleted = [n for n in watched if n not in namespace]
        touched = {
            n
            for n in half.versions.linked(before.reached | before.text.binds)
            if not is_simple(namespace.get(n))
        }
        half.versions.touch(touched)
        self._places.happen(Event.TOUCHED_HERE, touched)
        gone = [n for n in (*rebound, *deleted) if n in self._places.known()]
        half.versions.drop([*rebound, *deleted])
        self._places.happen(Event.BOUND_HERE, gone)
        for name in gone:
            half.parked.pop(name, None)
            self._deps.pop(name, None)
            self._stays.pop(name, None)
            self._parked_there.discard(name)

    def record(self, source: str, filename: str) -> None:
        """Remember the text of a local cell before it runs; `filename` as in its tracebacks."""
        self._pending = self._new_cell(source, filename)
        self._half.cells.add(self._pending)

    def lost(self) -> Losses:
        """The machine's kernel is gone: say what went with it; placeholders say so from now on."""
        half, places = self._half, self._places
        kept = [n for n in places.known() if places[n] in (Place.BOTH, Place.TOUCHED)]
        kept += self._code_kept()
        lost = sorted(places.elsewhere)
        places.machine_gone()
        for name in lost:
            old = half.namespace.get(name)
            description = description_of(old) if isinstance(old, Placeholder) else Description("")
            reason = f"it was newest on {self._machine}, whose Python is gone"
            bind(half.namespace, name, Placeholder(name, description, self._machine, reason))
        half.versions.drop([n for v in half.versions.all() for n in v.names])
        self._deps.clear()
        self._parked_there.clear()
        self._texts_there.clear()
        self._ambience.forget()
        self._stays.clear()
        older = tuple(n for n in lost if n in half.parked)
        return Losses(tuple(lost), older, tuple(sorted(kept)))

    def _code_kept(self) -> list[str]:
        """Bind again what no machine can take along: modules, and what was defined here."""
        half, found = self._half, []
        for name in sorted(self._places.elsewhere):
            value = half.namespace.get(name)
            about = description_of(value) if isinstance(value, Placeholder) else Description("")
            older = half.parked.get(name)
            if about.module and importlib.util.find_spec(about.module.split(".")[0]) is not None:
                bind(half.namespace, name, imported(name, about.module, self._machine))
            elif isinstance(older, (types.FunctionType, type)):
                bind(half.namespace, name, half.parked.pop(name))
            else:
                continue
            found.append(name)
        self._places.happen(Event.BOUND_HERE, found)
        return found

    def recover(self, names: Iterable[str]) -> tuple[str, ...]:
        """Bind the older values kept here of lost names; return those that could be."""
        half = self._half
        found = [n for n in names if self._places[n] is Place.LOST and n in half.parked]
        for name in found:
            bind(half.namespace, name, half.parked.pop(name))
        self._places.happen(Event.RECOVERED, found)
        return tuple(found)

    def table(self) -> tuple[Row, ...]:
        """Return a row for each name, sorted."""
        survey = Survey(self._half)
        rows = []
        for name, value in sorted(self._half.namespace.items()):
            if is_hidden(name, value) or is_module(value):
                continue
            place = self._places[name]
            where = _WHERE[place]
            about = (
                description_of(value)
                if isinstance(value, Placeholder)
                else describe(value, survey.sizes.get(name, 0))
            )
            if name in self._stays and where == "there":
                where = "stays"
            partners = tuple(n for n in survey.components.get(name, ()) if n != name)
            why = self._stays.get(name, "")
            rows.append(Row(name, where, about.type, about.text, about.bytes, partners, why))
        return tuple(rows)

    def _new_cell(self, source: str, filename: str) -> Cell:
        """Number a cell; it gets a file name if it has none, so that its code is found again."""
        number = next(self._numbers)
        return Cell(number, ident_of(source), filename or f"<cell {number}>", source)

    def _departing(self) -> Departing:
        return Departing(
            self._half,
            self._places,
            self._machine,
            {n: d for n, d in self._deps.items() if n in self._places.elsewhere},
            self._parked_there,
            self._texts_there,
            self._tokens,
        )

    def _footprint(self, tree: ast.Module) -> Footprint:
        if self._analysed is None or self._analysed[0] is not tree:
            self._analysed = (tree, footprint(tree))
        return self._analysed[1]

    def _reach(self, names: Iterable[str]) -> set[str]:
        """Return the names that code mentioning `names` here may use, following values lazily."""
        namespace = self._half.namespace
        walk = Walk(namespace)
        todo, seen = list(names), set()
        while todo:
            name = todo.pop()
            if name in seen or name not in namespace or is_hidden(name):
                continue
            seen.add(name)
            value = namespace[name]
            if type(value) is Placeholder:
                todo.extend(self._deps.get(name, ()))
            elif not is_simple(value):
                walk.add(name, value, _WALKED_OBJECTS)
                todo.extend(walk.needs[name])
        return seen

    def _equal(self, names: Iterable[str]) -> None:
        """Both sides hold the same under these names."""
        self._places.happen(Event.EQUAL, names)
        self._parked_there.difference_update(names)

    def _forget(self, names: Iterable[str]) -> None:
        """These names are gone on both sides."""
        self._half.versions.drop(names)
        self._places.forget(names)
        for name in names:
            self._places.unbind.discard(name)
            self._parked_there.discard(name)
            for table in (self._half.parked, self._deps, self._stays):
                table.pop(name, None)

    def _put_aside(self, name: str, description: Description) -> None:
        """The newest value of `name` is there: keep the old one aside, leave word in its place."""
        namespace = self._half.namespace
        if self._half.has_value(name):
            self._half.parked[name] = namespace[name]
        bind(namespace, name, Placeholder(name, description, self._machine))

    def _import_there(self, names: set[str]) -> tuple[str, ...]:
        """Import here what remote cells imported: no question is needed for that."""
        found = []
        for name in sorted(names):
            value = self._half.namespace.get(name)
            about = description_of(value) if isinstance(value, Placeholder) else Description("")
            if about.module:
                module = imported(name, about.module, self._machine)
                bind(self._half.namespace, name, module)
                self._equal([name])
                found.append(name)
        return tuple(found)
