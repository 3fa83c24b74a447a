"""What a remote cell needs from home, worked out without changing anything."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError, DamagedError, LostError, StateError
from jupyter_remote_gpu.protocol.state import (
    INLINE_BYTES,
    Begin,
    Cell,
    Description,
    Import,
    Item,
    Offer,
    Parcel,
)

from .analysis import Footprint, words_in_texts
from .bindings import BLIND
from .coherence import Place, Places
from .components import Edges
from .describing import describe
from .half import Half, Unit, inline, own_slots
from .loads import Load, component_name, load
from .namespace import is_hidden, is_module
from .peer import Peer, Watch
from .placeholders import Placeholder, description_of
from .survey import Survey
from .travel import refusal, refuse_made_modules, why_not
from .versions import Version

_ATTEMPTS = 4
_LARGE_BYTES = 1_000_000
"""From this size on a user may wonder whether a value went again."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A component on its way: its parcel, its chunks, and the version it will be on both sides."""

    parcel: Parcel
    unit: Unit
    version: Version
    chunks: dict[bytes, memoryview]


@dataclass(frozen=True, slots=True)
class Departure:
    """A remote cell ready to go. Nothing has changed at home yet.

    Steps of the caller: `home.send_ahead(departure, peer)`, then `begin` with the
    request to run, after its acknowledgement `home.commit(departure)`, and when
    the cell has ended `home.complete(departure, report)`.
    """

    begin: Begin
    sendings: tuple[Sending, ...] = ()
    loads: tuple[Load, ...] = ()  # what of them really goes
    unchanged: tuple[str, ...] = ()  # large components that were looked at and need not go
    looks: Mapping[str, Any] = field(default_factory=dict)  # of the ambient state that is told

    @property
    def data(self) -> tuple[str, ...]:
        """The addresses of the data in which values that go have paths: to be there before them."""
        return tuple(sorted({text for s in self.sendings for text in s.unit.encoded.data}))

    @property
    def ahead(self) -> tuple[Sending, ...]:
        """The parcels that do not ride along with `begin`."""
        return tuple(s for s in self.sendings if not s.chunks.keys() <= self.begin.chunks.keys())


@dataclass(slots=True)
class Departing:
    """Builds the Departure of one cell; `machine` is what messages call the other side."""

    half: Half
    places: Places
    machine: str
    deps: Edges
    parked_there: set[str]
    texts_there: set[int]
    tokens: Iterable[str]
    survey: Survey = field(init=False)
    mentioned: set[str] = field(init=False)
    stubs: dict[str, Description] = field(default_factory=dict)
    revived: set[str] = field(default_factory=set)
    unchanged: list[str] = field(default_factory=list)

    def prepare(self, cell: Cell, text: Footprint) -> Departure:
        """Work out what `cell` needs. Raises `CannotTravelError` or `LostError`."""
        namespace = self.half.namespace
        reads = [n for n in text.reads if self._known(n)]
        self.survey = Survey(self.half, self.deps)
        self.mentioned = self.survey.linked(reads)
        reached = self.survey.closure(reads)
        if not BLIND.isdisjoint(reached | text.reads):
            words = words_in_texts(ast.parse(cell.source))
            reached |= self.survey.closure(n for n in words if self._known(n))
        need = {n for n in reached if self._known(n)}
        refuse_made_modules(need, namespace)
        imports = [
            Import(n, namespace[n].__name__)
            for n in sorted(need)
            if is_module(namespace.get(n)) and self.places[n] is not Place.BOTH
        ]
        units = self._units(need)
        sendings = [self._sending(unit) for unit in self.survey.order(units, self.half)]
        numbers = {n for s in sendings for n in s.unit.encoded.cells} - self.texts_there
        cells = [self.half.cells.cell(number) for number in sorted(numbers)]
        moving = {n for s in sendings for n in s.parcel.names} | self.revived
        for name in text.deletes - moving:
            if name in namespace and not is_hidden(name) and name not in self.stubs:
                self.stubs[name] = _described(namespace[name])
        for name in need - moving:
            if type(namespace[name]) is Placeholder and self.places[name] is Place.HERE:
                # on another machine, and it could not be brought from there
                self.stubs[name] = _described(namespace[name])
        items: tuple[Item, ...] = (*imports, *(s.parcel for s in sendings))
        begin = Begin(
            cell=cell,
            unbind=tuple(sorted(self.places.unbind)),
            park=tuple(sorted(self._to_park() - moving)),
            revive=tuple(sorted(self.revived)),
            stubs=self.stubs,
            cells=tuple(c for c in cells if c is not None and c.number != cell.number),
            items=items,
            chunks=inline(items, {n: c for s in sendings for n, c in s.chunks.items()}),
        )
        departure = Departure(begin, tuple(sendings), unchanged=tuple(self.unchanged))
        return replace(departure, loads=_loads(departure, ()))

    def _known(self, name: str) -> bool:
        return name in self.half.namespace and not is_hidden(name, self.half.namespace[name])

    def _to_park(self) -> set[str]:
        """Return the names whose old value the machine must put aside: newest here, not sent."""
        return self.places.touched - self.parked_there

    def _units(self, need: set[str]) -> list[Unit]:
        """Encode the components in `need` that the machine does not have."""
        units: list[Unit] = []
        for name in sorted(need & self.mentioned):
            if self.places[name] is Place.LOST:
                raise lost_error(name, self.machine, "This cell was not sent.")
        for group in self.survey.groups(sorted(need)):
            places = {self.places[n] for n in group}
            if places == {Place.BOTH}:
                continue
            try:
                unit = self.half.pack(group, self.survey.values)
            except CannotTravelError as error:
                self._cannot(group, error)
                continue
            version = self.half.versions.exact(group)
            if version is not None and Place.HERE not in places and unit.equals(version):
                self.revived.update(group)
                if unit.nbytes() >= _LARGE_BYTES:
                    self.unchanged.append(component_name(group))
            else:
                units.append(unit)
        return units

    def _cannot(self, group: tuple[str, ...], error: CannotTravelError) -> None:
        """Refuse the cell if it mentions the component; else leave word in its place."""
        culprit, kind, reason = why_not(group, self.survey, error)
        if self.mentioned & set(group):
            raise refusal(culprit, kind, reason, mentioned=True) from error
        for name in group:
            self.stubs[name] = describe(self.survey.values[name])

    def _sending(self, unit: Unit, *, whole: bool = False) -> Sending:
        half, values = self.half, self.half.namespace
        token = next(iter(self.tokens))
        base = half.versions.exact(unit.names)
        if (
            not whole
            and base is not None
            and base.slots is not None
            and base.nbytes() > INLINE_BYTES
            and unit.same_structure(base)
        ):
            parcel, chunks = half.patch_parcel(token, unit, base)
            slots: tuple[int, ...] = base.slots
        else:
            parcel, chunks = half.value_parcel(token, unit)
            slots = own_slots(unit)
        return Sending(parcel, unit, half.version(token, unit, values, slots), chunks)

    def send_ahead(self, departure: Departure, peer: Peer, watch: Watch) -> Departure:
        """Offer and supply what does not ride along; see `Home.send_ahead`."""
        for _ in range(_ATTEMPTS):
            if not departure.ahead:
                return departure
            lacking = peer.offer(Offer(tuple(s.parcel for s in departure.ahead)))
            if not lacking.unpatchable:
                break
            departure = self._whole(departure, set(lacking.unpatchable))
        chunks = {n: c for s in departure.ahead for n, c in s.chunks.items()}
        missing = lacking.chunks
        departure = replace(departure, loads=_loads(departure, missing))
        supply = _Supply(chunks, missing, watch, sum(len(chunks[n]) for n in missing))
        try:
            watch.begins(departure.loads, supply.total)
        except StateError:
            peer.offer(Offer(()))  # it need not keep room for what will not come
            raise
        for _ in range(_ATTEMPTS):
            if supply.names:
                supply.names = peer.supply(supply).chunks
        if not supply.names:
            return departure
        raise DamagedError(
            f"{len(supply.names)} pieces of {', '.join(n.name for n in departure.loads)} kept "
            f"arriving damaged or were being changed while they were sent",
            hint="If a thread here changes one of these values, wait for it, then run the cell "
            "again.",
        )

    def _whole(self, departure: Departure, tokens: set[str]) -> Departure:
        """Replace patches that the machine cannot apply by whole values."""
        sendings = tuple(
            self._sending(s.unit, whole=True) if s.parcel.token in tokens else s
            for s in departure.sendings
        )
        imports = tuple(i for i in departure.begin.items if isinstance(i, Import))
        items: tuple[Item, ...] = (*imports, *(s.parcel for s in sendings))
        chunks = inline(items, {n: c for s in sendings for n, c in s.chunks.items()})
        begin = replace(departure.begin, items=items, chunks=chunks)
        return replace(departure, begin=begin, sendings=sendings)


@dataclass(slots=True)
class _Supply(Collection[tuple[bytes, memoryview]]):
    """The chunks `names`, going out one by one under the eyes of `watch`."""

    chunks: dict[bytes, memoryview]
    names: tuple[bytes, ...]
    watch: Watch
    total: int

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, item: object) -> bool:
        return item in self.names

    def __iter__(self) -> Iterator[tuple[bytes, memoryview]]:
        done = self.total - sum(len(self.chunks[n]) for n in self.names)
        for name in self.names:
            yield name, self.chunks[name]
            done += len(self.chunks[name])
            self.watch.moved(done, self.total)


def _loads(departure: Departure, missing: Collection[bytes]) -> tuple[Load, ...]:
    """Return what really goes of a departure, when these chunks go besides those riding along."""
    moving = {*missing, *departure.begin.chunks}
    return tuple(
        load(s.parcel, moving, [len(b) for b in s.unit.encoded.buffers]) for s in departure.sendings
    )


def lost_error(name: str, machine: str, what: str) -> LostError:
    """Say that the newest value of `name` went with its machine."""
    return LostError(
        f"{what} The newest value of {name} went with the remote Python on {machine}.",
        where=name,
        hint=f"Run the cell that made {name} again, or bind it anew.",
    )


def _described(value: object) -> Description:
    return description_of(value) if isinstance(value, Placeholder) else describe(value)
