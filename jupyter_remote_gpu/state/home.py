"""Home's books about one machine: what of the namespace is there, and what moves to and fro."""

from __future__ import annotations

import ast
import importlib.util
import types
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import ModuleType

from jupyter_remote_gpu.errors import CannotTravelError
from jupyter_remote_gpu.protocol.state import Cell, Description, Import, Report

from .ambient.ambience import Ambience
from .analysis import footprint
from .coherence import Event, Place, Places
from .departing import Departing, Departure, lost_error
from .describing import describe
from .fetching import Fetching, Moved, imported, uninterrupted
from .half import Half
from .namespace import bind, is_result, is_simple, unbind
from .notebook import Notebook
from .peer import UNWATCHED, Peer, Watch
from .placeholders import Placeholder, description_of
from .plain.admission import admit, refusal, typed_module
from .plain.receiving import FROM_PLAIN
from .survey import Survey
from .unpickling import FROM_PICKLE

__all__ = ["Departure", "Home", "Losses", "Moved"]


@dataclass(frozen=True, slots=True)
class Losses:
    """What went with a machine's kernel: `lost` names, those of which an `older` value is kept."""

    lost: tuple[str, ...]
    older: tuple[str, ...]
    kept: tuple[str, ...]


class Home:
    """What the notebook's side knows of, and does with, one of its machines. No own I/O.

    Made by `Hub.join`. `trusted` says whether more than data may come back from the machine.
    """

    def __init__(self, notebook: Notebook, machine: str, *, trusted: bool) -> None:
        self.machine = machine
        self.trusted = trusted
        self.places = Places()
        self._notebook = notebook
        self._half = Half(
            notebook.namespace,
            outward=True,
            cells=notebook.cells,
            partition=notebook.partition,
            rebuilder=FROM_PICKLE if trusted else FROM_PLAIN,
        )
        self._ambience = Ambience(notebook.untold, trusted=trusted, typed=self._typed)
        self._stays: dict[str, str] = {}
        self._parked_there: set[str] = set()
        self._texts_there: set[int] = set()
        self._tokens = notebook.new_tokens()
        notebook.listeners.append(self.done_elsewhere)

    def depart(self, source: str, filename: str = "", cell: Cell | None = None) -> Departure:
        """Work out what a remote cell needs; `source` is plain Python.

        `cell` is the local cell that runs the same text, if one does: then the
        definitions of both are the same ones.

        Raises `SyntaxError`, `CannotTravelError`, `LostError`; changes nothing.
        """
        text = footprint(ast.parse(source))
        departure = self._departing().prepare(
            cell or self._notebook.new_cell(source, filename), text
        )
        told, looks = self._ambience.changes()
        begin = replace(departure.begin, ambient=told)
        return replace(departure, begin=begin, looks=looks)

    def send_ahead(self, departure: Departure, peer: Peer, watch: Watch = UNWATCHED) -> Departure:
        """Offer and supply what does not ride along; return the departure to go on with.

        May block. Raises `DamagedError` if chunks keep arriving damaged, and
        what `watch` raises; nothing has changed then.
        """
        return self._departing().send_ahead(departure, peer, watch)

    def commit(self, departure: Departure) -> None:
        """Note that the machine applied `departure.begin`."""
        begin, half = departure.begin, self._half
        with uninterrupted():
            half.cells.add(begin.cell)
            self._texts_there.update(c.number for c in (*begin.cells, begin.cell))
            self.places.unbind.difference_update(begin.unbind)
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
        report = self._admitted(report, departure.begin.cell.source)
        with uninterrupted():
            for name in report.deleted:
                unbind(self._half.namespace, name)
            self._forget(report.deleted)
            for name, description in report.bound.items():
                self._put_aside(name, description)
            self.places.happen(Event.BOUND_THERE, report.bound)
            changed = [n for n in report.touched if self.places[n] is Place.BOTH]
            for name, description in report.touched.items():
                if name in changed or name in self.places.elsewhere:
                    self._put_aside(name, description)
            self.places.happen(Event.TOUCHED_THERE, changed)
            self._parked_there.difference_update(report.bound)
            self._notebook.deps.update({n: tuple(d) for n, d in report.deps.items()})
            self._notebook.join((*report.bound, *report.touched), report.together)
            for name in (*report.bound, *report.touched):
                self._stays.pop(name, None)
            self._stays.update(report.stays)
            self._ambience.take(report.ambient)
            gone = (*report.bound, *report.deleted)
            self._notebook.ran(self.done_elsewhere, gone, report.touched)

    def _admitted(self, report: Report, source: str) -> Report:
        """Return what of a report is taken over: from an untrusted machine not every name."""
        if self.trusted:
            return report
        self._ambience.check(report.ambient)
        admitted, refused = admit(report, source, self.places, self._half.namespace)
        if refused:
            self.places.unbind.update(refused)
            warnings.warn(refusal(refused, self.machine), RuntimeWarning, stacklevel=3)
        return admitted

    def keep(self, departure: Departure, report: Report) -> None:
        """Take note of a cell that is run here too: of what both sides have, ours counts.

        What the cell bound only there is there as after any remote cell.
        """
        half, reported = self._half, (*report.bound, *report.touched, *report.deleted)
        ours = {n for n in reported if half.has_value(n) and n not in self.places.elsewhere}
        ours |= {n for n in reported if is_result(n)}
        others = replace(
            report,
            bound={n: d for n, d in report.bound.items() if n not in ours},
            touched={n: d for n, d in report.touched.items() if n not in ours},
            deleted=tuple(n for n in report.deleted if n not in ours),
            ambient={},
        )
        self.complete(departure, others)
        with uninterrupted():
            bound = ours & report.bound.keys()
            half.versions.drop(ours)  # there it is another value than ours, or none
            self.places.happen(Event.TOUCHED_HERE, ours & report.touched.keys())
            self.places.happen(Event.BOUND_HERE, bound | ours & set(report.deleted))
            self.places.unbind.update(bound)
            self._ambience.forget()  # the cell may have drawn and set there what it will here

    def attach(self, report: Report) -> None:
        """Take over the names of a kernel that an earlier notebook left (`Away.census`).

        A name that is bound here already keeps its value of here: home wins.
        """
        report = self._admitted(report, "")
        with uninterrupted():
            new = {n: d for n, d in report.bound.items() if n not in self._half.namespace}
            for name, description in new.items():
                self._put_aside(name, description)
            self.places.happen(Event.BOUND_THERE, new)
            self.places.unbind.update(report.bound.keys() - new.keys())
            self._notebook.deps.update({n: tuple(d) for n, d in report.deps.items() if n in new})
            self._notebook.join(new, report.together)
            self._stays.update({n: why for n, why in report.stays.items() if n in new})

    def fetch(
        self,
        names: Iterable[str],
        peer: Peer,
        watch: Watch = UNWATCHED,
        optional: Iterable[str] = (),
    ) -> Moved:
        """Bring the newest values of `names` and all that belongs to them.

        May block; interrupted or failed, it leaves everything as it was. Raises
        `CannotTravelError` (the value stays where it is), `LostError`, and what
        `watch` raises. Those of
        `optional` need not come: they stay placeholders if they cannot be copied.
        """
        wanted = set(names)
        for name in sorted(wanted):
            if self.places[name] is Place.LOST:
                raise lost_error(name, self.machine, "This cell was not run.")
        wanted &= self.places.elsewhere
        modules = self._import_there(wanted)
        if not wanted - set(modules):
            return Moved(modules)
        required = frozenset(wanted.difference(optional))
        park = self.places.touched - self._parked_there
        fetching = Fetching(
            self._half, self.places, self.machine, required, self._stays, watch, self.trusted
        )
        moved = fetching.run(wanted - set(modules), park, peer)
        self._parked_there |= park
        self._parked_there.difference_update(moved.names)
        return replace(moved, names=(*modules, *moved.names))

    def needs(self, reads: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return all names that a remote cell reading `reads` needs, and those it mentions.

        The second are what must come from another machine, or the cell is refused.
        """
        known = [n for n in reads if n in self._half.namespace]
        survey = Survey(self._half, self._notebook.used_elsewhere)
        return survey.closure(known), survey.linked(known)

    def lost_among(self, names: Iterable[str]) -> set[str]:
        """Return those of `names` whose newest value went with this machine."""
        return {n for n in names if self.places[n] is Place.LOST}

    def about(self, name: str) -> Description:
        """Return what is known of the value of `name`, wherever it is."""
        value = self._half.namespace.get(name)
        return description_of(value) if isinstance(value, Placeholder) else describe(value)

    def why_it_stays(self, name: str) -> str:
        """Return why the machine's value of `name` cannot be copied, empty if it can."""
        return self._stays.get(name, "")

    def done_elsewhere(self, gone: Iterable[str], reached: Iterable[str]) -> None:
        """A cell ran here or on another machine: it bound or deleted the names `gone`.

        What was linked to `reached` may have changed; the value there is not the newest.
        """
        half, namespace = self._half, self._half.namespace
        touched = {n for n in half.versions.linked(reached) if not is_simple(namespace.get(n))}
        half.versions.touch(touched)
        self.places.happen(Event.TOUCHED_HERE, touched)
        known = [n for n in gone if n in self.places]
        half.versions.drop(gone)
        self.places.happen(Event.BOUND_HERE, known)
        for name in known:
            half.parked.pop(name, None)
            self._stays.pop(name, None)
            self._parked_there.discard(name)

    def lost(self) -> Losses:
        """The machine's kernel is gone: say what went with it; placeholders say so from now on."""
        half, places = self._half, self.places
        kept = [n for n in places.known() if places[n] in (Place.BOTH, Place.TOUCHED)]
        kept += self._code_kept()
        lost = sorted(places.elsewhere)
        places.machine_gone()
        for name in lost:
            old = half.namespace.get(name)
            description = description_of(old) if isinstance(old, Placeholder) else Description("")
            reason = f"it was newest on {self.machine}, whose Python is gone"
            bind(half.namespace, name, Placeholder(name, description, self.machine, reason))
        half.versions.drop([n for v in half.versions.all() for n in v.names])
        for name in lost:
            self._notebook.deps.pop(name, None)
        self._parked_there.clear()
        self._texts_there.clear()
        self._ambience.forget()
        self._stays.clear()
        older = tuple(n for n in lost if n in half.parked)
        return Losses(tuple(lost), older, tuple(sorted(kept)))

    def _code_kept(self) -> list[str]:
        """Bind again what no machine can take along: modules, and what was defined here."""
        half, found = self._half, []
        for name in sorted(self.places.elsewhere):
            value = half.namespace.get(name)
            about = description_of(value) if isinstance(value, Placeholder) else Description("")
            older = half.parked.get(name)
            module = self._module_here(name, about.module)
            if module is not None:
                bind(half.namespace, name, module)
            elif isinstance(older, (types.FunctionType, type)):
                bind(half.namespace, name, half.parked.pop(name))
            else:
                continue
            found.append(name)
        self.places.happen(Event.BOUND_HERE, found)
        return found

    def _module_here(self, name: str, module: str) -> ModuleType | None:
        """Return the module that a lost name stood for if it can be imported here."""
        if not module or importlib.util.find_spec(module.split(".")[0]) is None:
            return None
        try:
            return self._module(name, module)
        except CannotTravelError:  # the name is reported as lost
            return None

    def recover(self, names: Iterable[str]) -> tuple[str, ...]:
        """Bind the older values kept here of lost names; return those that could be."""
        half = self._half
        found = [n for n in names if self.places[n] is Place.LOST and n in half.parked]
        for name in found:
            bind(half.namespace, name, half.parked.pop(name))
        self.places.happen(Event.RECOVERED, found)
        return tuple(found)

    def _departing(self) -> Departing:
        return Departing(
            self._half,
            self.places,
            self.machine,
            self._notebook.used_elsewhere,
            self._parked_there,
            self._texts_there,
            self._tokens,
        )

    def _module(self, name: str, module: str) -> ModuleType:
        """Import what a remote cell imported under `name`; `CannotTravelError` if it cannot be."""
        if self.trusted:
            return imported(name, module, self.machine)  # type: ignore[no-any-return]
        return typed_module(name, self._half.cells, self.machine)  # type: ignore[no-any-return]

    def _typed(self, word: str) -> bool:
        """Say whether a word stands in a text of this notebook."""
        return any(word in source for source in self._notebook.cells.sources())

    def _equal(self, names: Iterable[str]) -> None:
        """Both sides hold the same under these names."""
        self.places.happen(Event.EQUAL, names)
        self._parked_there.difference_update(names)

    def _forget(self, names: Iterable[str]) -> None:
        """These names are gone on both sides."""
        self._half.versions.drop(names)
        self.places.forget(names)
        for name in names:
            self.places.unbind.discard(name)
            self._parked_there.discard(name)
            for table in (self._half.parked, self._notebook.deps, self._stays):
                table.pop(name, None)

    def _put_aside(self, name: str, description: Description) -> None:
        """The newest value of `name` is there: keep the old one aside, leave word in its place."""
        namespace = self._half.namespace
        if self._half.has_value(name):
            self._half.parked[name] = namespace[name]
        bind(namespace, name, Placeholder(name, description, self.machine))

    def _import_there(self, names: set[str]) -> tuple[str, ...]:
        """Import here what remote cells imported: no question is needed for that."""
        found = []
        for name in sorted(names):
            value = self._half.namespace.get(name)
            about = description_of(value) if isinstance(value, Placeholder) else Description("")
            if about.module:
                module = self._module(name, about.module)
                bind(self._half.namespace, name, module)
                self._equal([name])
                found.append(name)
        return tuple(found)
