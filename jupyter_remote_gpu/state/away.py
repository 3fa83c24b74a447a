"""The side inside the machine's kernel: it holds the other half of the namespace and reports."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError, ProtocolError
from jupyter_remote_gpu.protocol.state import (
    Answers,
    Ask,
    Begin,
    Blob,
    Cell,
    Import,
    Item,
    Lacking,
    Offer,
    Parcel,
    Report,
    Same,
    Stays,
)

from .ambient.ambience import Ambience
from .ambient.surroundings import SURROUNDINGS
from .analysis import footprint
from .arrivals import Arrivals
from .background import user_threads
from .bindings import BLIND
from .describing import describe
from .half import Half, Unit, inline, overlay, own_slots
from .kinds import pinned_reason
from .landing import Landing
from .looks import only_looked_at
from .namespace import (
    Held,
    Rebinding,
    is_hidden,
    is_made_module,
    is_module,
    is_simple,
    unbind,
    user_names,
)
from .placeholders import Placeholder
from .rebuilding import Overlays, define_ready, in_two_steps
from .survey import Survey
from .travel import MADE_MODULE, why_not
from .typed_imports import import_of
from .versions import Version

_COMPARED_AT_ONCE_BYTES = 1 << 20
"""Components up to this size are compared right after a cell, so that most stay on both sides."""


class Away:
    """The machine's half of the namespace `namespace` (the kernel's `user_ns`).

    All methods are called by the kernel's message loop in the thread that runs
    cells, never while a cell runs; none does I/O.
    """

    def __init__(self, namespace: dict[str, Any], machine: str = "the machine") -> None:
        self._half = Half(namespace, outward=False)
        self._machine = machine
        self._fresh: set[str] = set()  # names that are the same at home
        self._arrivals = Arrivals(self._half)
        self._cell = Cell(0, "none", "", "")
        self._before: dict[str, Held] = {}
        self._reached: set[str] = set()
        self._blind = False  # the cell may bind names that its text does not show
        self._stubs: tuple[str, ...] = ()
        self._threads = user_threads()
        self._answered: dict[str, tuple[Unit | None, Version]] = {}
        self._pinned: dict[bytes, memoryview] = {}
        self._tokens = 0
        self._ambience = Ambience()

    @property
    def namespaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The names and their values; and those put aside, which may come back."""
        return self._half.namespace, self._half.parked

    @property
    def landing(self) -> Landing:
        """Where the chunks of the latest offer go."""
        return self._arrivals.landing

    def offer(self, offer: Offer) -> Lacking:
        """Prepare buffers for these parcels and say which chunks are lacking.

        The transport then fills `self.landing` and asks `supplied`. Drops what an
        earlier offer left behind; nothing becomes visible before `arrive`.
        """
        self._arrivals = Arrivals(self._half)
        unpatchable = self._arrivals.expect(offer.parcels, self._half.held())
        return Lacking(self.landing.missing(), tuple(unpatchable))

    def supplied(self) -> Lacking:
        """Say which chunks of the offer are still missing or came damaged."""
        return Lacking(self.landing.missing())

    def arrive(self, begin: Begin, ready: Callable[[], None] = lambda: None) -> None:
        """Apply a Begin. Raises a `StateError` that says why the cell cannot run.

        `ready` is called when folder, path and variables are the notebook's, before
        anything is imported or rebuilt.
        """
        half = self._half
        self._cell = begin.cell
        for cell in (*begin.cells, begin.cell):
            half.cells.add(cell)
        self._withdraw(begin.unbind, begin.park)
        for name in begin.revive:
            if name in half.parked:
                half.namespace[name] = half.parked.pop(name)
        self._fresh.update(begin.revive)
        for version in map(half.versions.of, begin.revive):
            if version is not None:
                version.dirty = False
        for name in self._stubs:  # of an earlier cell: whether it exists now is said anew
            if type(half.namespace.get(name)) is Placeholder:
                unbind(half.namespace, name)
        self._stubs = tuple(begin.stubs)
        for name, description in begin.stubs.items():
            if not half.has_value(name):
                half.namespace[name] = Placeholder(name, description, "the notebook's computer")
        # Rebuilding imports modules: where they are found and what they are told comes first.
        early = {n: told for n, told in begin.ambient.items() if n in SURROUNDINGS}
        self._ambience.take(early)
        ready()
        self._receive(begin)
        self._ambience.take({n: told for n, told in begin.ambient.items() if n not in early})
        self._arrivals = Arrivals(half)

    def before_run(self, source: str | None = None) -> None:
        """Note what the cell can reach; `source` if it differs from the Begin's cell text."""
        half = self._half
        try:
            tree = ast.parse(self._cell.source if source is None else source)
        except SyntaxError:  # the kernel will say so itself
            tree = ast.Module([], [])
        text = footprint(tree)
        self._threads = user_threads()
        survey = Survey(half)
        reached = survey.closure(text.reads - only_looked_at(tree, text, half.namespace))
        self._blind = not BLIND.isdisjoint(reached)
        if self._blind:
            reached |= survey.closure(half.values())
        self._reached = reached & survey.values.keys()
        watched = half.namespace if self._blind else reached | text.binds | text.deletes
        self._before = {n: Held(half.namespace[n]) for n in watched if n in half.namespace}

    def after_run(self) -> Report:
        """Say what the cell did to the names, whether it failed or not."""
        bound, deleted = self._changes()
        if self._blind:
            self._half.partition.touch_all()
        return self._report(bound, deleted)

    def _changes(self) -> tuple[list[str], list[str]]:
        """Return the names that the cell bound and those it deleted."""
        namespace, partition = self._half.namespace, self._half.partition
        found = partition.sync()
        bound, deleted = dict.fromkeys(found[0]), dict.fromkeys(found[1])
        for name, held in self._before.items():
            if name not in namespace:
                deleted[name] = None
            elif name not in bound and not held.holds(namespace[name]):
                bound[name] = None
                partition.rebound([name])
        return (
            [n for n in bound if self._half.has_value(n) and not is_hidden(n, namespace[n])],
            [n for n in deleted if not is_hidden(n)],
        )

    def _report(self, names: list[str], deleted: Sequence[str]) -> Report:
        """Say what is bound under these names now, and what else may have changed."""
        half = self._half
        now = half.namespace
        bound = {name: now[name] for name in names}
        half.cells.note(self._cell, bound, now)
        touched: set[str] = set()
        survey = None
        if self._reached or not all(is_simple(value) for value in bound.values()):
            half.versions.touch(half.versions.linked(self._reached | bound.keys()))
            half.partition.touch([*self._reached, *bound])
            survey = Survey(half, synced=True)
            touched = self._touched(survey, set(bound))
        half.versions.drop([*bound, *deleted])
        for name in (*bound, *deleted):
            half.parked.pop(name, None)
        self._fresh.difference_update(bound, touched, deleted)
        self._before, self._reached = {}, set()
        told, looks = self._ambience.changes()
        self._ambience.settle(looks)
        reported = [*bound, *touched]
        threads = max(0, user_threads() - self._threads)
        if survey is None:
            about = {n: describe(v) for n, v in bound.items()}
            return Report(bound=about, deleted=tuple(deleted), ambient=told, threads=threads)
        about = {n: describe(now[n], survey.sizes.get(n, 0)) for n in reported}
        return Report(
            bound={n: about[n] for n in bound},
            deleted=tuple(deleted),
            touched={n: about[n] for n in touched},
            deps={n: tuple(sorted(survey.needs.get(n, ()))) for n in reported},
            stays={n: why for n in reported if (why := pinned_reason(type(now[n])))},
            together=tuple(g for g in survey.groups(reported) if len(g) > 1),
            ambient=told,
            threads=threads,
        )

    def census(self) -> Report:
        """Report every name there is, for a notebook that takes this kernel over.

        What an earlier notebook had is of no use to the new one: nothing is
        taken to be the same at home.
        """
        self._before, self._reached = {}, set()
        self._fresh.clear()
        self._half.parked.clear()
        self._ambience.forget()
        self._half.partition.sync()
        names = [n for n, v in user_names(self._half.namespace) if type(v) is not Placeholder]
        return self._report(names, [])

    def ask(self, ask: Ask) -> Answers:
        """Encode and name what Home asked for; pinned until `release` or the next ask."""
        half = self._half
        self._withdraw(ask.unbind, ask.park)
        self._answered, self._pinned = {}, {}
        survey = Survey(half)
        closure = survey.closure(ask.names)
        items: list[Item] = []
        for name in ask.names:
            value = half.namespace.get(name)
            if is_made_module(value):
                items.append(Stays((name,), name, "module", MADE_MODULE))
            elif is_module(value):
                items.append(Import(name, value.__name__))  # type: ignore[union-attr]
            elif name not in survey.values:
                items.append(Stays((name,), name, "", "it is not there any more"))
        asked = set(ask.names)
        groups = [
            g for g in survey.groups(sorted(closure)) if asked & set(g) or not self._fresh >= set(g)
        ]
        units: list[Unit] = []
        for group in groups:
            answer = self._answer(group, survey, ask)
            if isinstance(answer, Unit):
                units.append(answer)
            else:
                items.append(answer)
        items += [self._parcel(unit, survey, ask) for unit in survey.order(units, half)]
        items += self._modules(closure - asked)
        return Answers(tuple(items), inline(items, self._pinned))

    def pull(self, names: Sequence[bytes]) -> list[tuple[bytes, Blob]]:
        """Return chunks of the last answers as views of live memory; `ProtocolError` if unknown."""
        try:
            return [(name, self._pinned[name]) for name in names]
        except KeyError as error:
            raise ProtocolError("a chunk was asked for that was not offered") from error

    def release(self, tokens: Sequence[str]) -> None:
        """Note that the versions `tokens` arrived at home; unpin everything."""
        for token in tokens:
            if token in self._answered:
                version = self._answered[token][1]
                version.dirty = False
                self._half.versions.add(version)
                self._fresh.update(version.names)
        self._answered, self._pinned = {}, {}

    def _withdraw(self, gone: Sequence[str], park: Sequence[str]) -> None:
        """Home has newer values: drop those rebound there, put aside those changed there."""
        half = self._half
        for name in gone:
            unbind(half.namespace, name)
            half.parked.pop(name, None)
        half.versions.drop(gone)
        self._fresh.difference_update(gone, park)
        for name in park:
            if half.has_value(name):
                half.parked[name] = unbind(half.namespace, name)

    def _receive(self, begin: Begin) -> None:
        """Import modules and rebuild parcels in order; on failure put all names back."""
        half = self._half
        bound = Rebinding(half.namespace)
        parcels = [i for i in begin.items if isinstance(i, Parcel)]
        if not self._arrivals.expects_only(parcels):
            self._arrivals = Arrivals(half)
        unpatchable = self._arrivals.expect(parcels, half.held())
        self._arrivals.landing.inline(begin.chunks.items())
        if unpatchable or self._arrivals.landing.missing():
            raise ProtocolError("a value was announced whose parts did not all arrive")
        try:
            made = define_ready(half, parcels, bound)
            rebuilt = [self._rebuild(i, bound, first) for i, first in in_two_steps(begin.items)]
        except BaseException:
            bound.undo()
            for name in [n for p in parcels if p.kind == "patch" for n in p.names]:
                # perhaps patched already: no longer the version that Home believes is here
                unbind(half.namespace, name)
                half.parked.pop(name, None)
            raise
        del made  # bound by now, or held by what was rebuilt
        for _, _, overlays in rebuilt:  # last, so that data wins over what statements did to it
            overlay(overlays)
        for parcel, values, _ in rebuilt:
            if parcel is not None:
                self._hold(parcel, values)

    def _rebuild(
        self, item: Item, bound: Rebinding, only_define: bool
    ) -> tuple[Parcel | None, dict[str, Any], Overlays]:
        """Bind what an item of a Begin stands for."""
        if isinstance(item, Import):
            bound.bind(item.name, _module(item, self._machine))
        if not isinstance(item, Parcel):
            return None, {}, []
        if item.kind == "patch":
            values = self._arrivals.patch(item)
            for name, value in values.items():
                bound.bind(name, value)
            return item, values, []
        buffers = self._arrivals.buffers(item)
        try:
            if only_define:
                self._half.define(item, bound)
                return None, {}, []
            return (item, *self._half.rebuild(item, buffers, bound))
        except Exception as error:
            raise CannotTravelError(
                f"{'+'.join(item.names)} could not be rebuilt on {self._machine}: "
                f"{type(error).__name__}: {error}",
                hint="The cell was not run, and nothing was changed.",
            ) from error

    def _hold(self, parcel: Parcel, values: dict[str, Any]) -> None:
        """Remember what arrived as a version that both sides have."""
        half = self._half
        for name in parcel.names:
            half.parked.pop(name, None)
        half.versions.drop(parcel.names)
        self._fresh.update(parcel.names)
        try:
            unit = half.pack(parcel.names, values)
        except CannotTravelError:
            return  # it came but could not go back: no version, so it will be reported as it is
        self._arrivals.scanned(parcel, unit)
        slots = self._arrivals.slots(parcel, unit)
        half.versions.add(half.version(parcel.token, unit, values, slots))

    def _touched(self, survey: Survey, bound: set[str]) -> set[str]:
        """Return the names that may have changed inside: linked to one the cell could reach."""
        maybe = survey.linked(self._reached | bound) & survey.values.keys()
        changed: set[str] = set()
        for group in survey.groups(sorted(maybe)):
            members = set(group) - bound
            if not members or not survey.mutable & set(group):
                continue
            if bound.isdisjoint(group) and self._unchanged(group, survey):
                continue
            changed |= members
        return changed

    def _unchanged(self, group: tuple[str, ...], survey: Survey) -> bool:
        """Say whether a small component certainly is what home has."""
        half = self._half
        version = half.versions.exact(group)
        if version is None or not self._fresh >= set(group) or not version.held(survey.values):
            return False
        if version.nbytes() > _COMPARED_AT_ONCE_BYTES:
            return False
        if sum(survey.sizes[n] for n in group) > _COMPARED_AT_ONCE_BYTES:
            return False
        try:
            unit = half.pack(group, survey.values)
        except CannotTravelError:
            return False
        version.dirty = not unit.equals(version)
        return not version.dirty

    def _answer(self, group: tuple[str, ...], survey: Survey, ask: Ask) -> Item | Unit:
        """Encode a component; say so if home's version is the same or if it cannot be copied."""
        half = self._half
        try:
            unit = half.pack(group, survey.values)
            version = half.versions.exact(group)
            if version is not None and version.token in ask.known and unit.equals(version):
                self._answered[version.token] = (None, version)
                return Same(version.token, group)
            if ask.plain and self._patched(unit, ask) is None:
                half.flatten(unit)
        except CannotTravelError as error:
            name = group[0]
            typed = import_of(name, survey.values[name], half.cells)
            if typed is not None and len(group) == 1:
                return Import(name, *typed)
            culprit, kind, reason = why_not(group, survey, error)
            return Stays(group, culprit, kind, reason)
        return unit

    def _patched(self, unit: Unit, ask: Ask) -> Version | None:
        """Return the version at home that a unit can be sent as a patch of."""
        base = self._half.versions.exact(unit.names)
        if base is None or base.slots is None or base.token not in ask.patchable:
            return None
        return base if unit.same_structure(base) else None

    def _parcel(self, unit: Unit, survey: Survey, ask: Ask) -> Parcel:
        half = self._half
        self._tokens += 1
        token = f"there-{self._tokens}"
        base = self._patched(unit, ask)
        if base is not None:
            parcel, chunks = half.patch_parcel(token, unit, base)
            version = half.version(token, unit, survey.values, base.slots)
        else:
            parcel, chunks = half.value_parcel(token, unit)
            version = half.version(token, unit, survey.values, own_slots(unit))
        self._pinned.update(chunks)
        self._answered[token] = (unit, version)
        return parcel

    def _modules(self, names: set[str]) -> list[Item]:
        namespace = self._half.namespace
        return [
            Import(n, namespace[n].__name__)
            for n in sorted(names - self._fresh)
            if is_module(namespace.get(n)) and not is_made_module(namespace[n])
        ]


def _module(item: Import, machine: str) -> Any:
    try:
        return importlib.import_module(item.module)
    except ImportError as error:
        top = item.module.split(".")[0]
        raise CannotTravelError(
            f"This cell was not run. It uses {item.name}, the module {item.module}, which "
            f"cannot be imported on {machine}: {error}",
            hint=f"Install it there with a cell `%%remote_gpu` / `%pip install {top}`.",
        ) from error
