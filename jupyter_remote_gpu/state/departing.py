"""What a remote cell needs from home, worked out without changing anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError, DamagedError, LostError
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

from .analysis import Footprint
from .coherence import Place, Places
from .describing import describe
from .half import Half, Unit, inline, own_slots
from .namespace import is_hidden, is_module
from .peer import Peer, Progress
from .placeholders import Placeholder, description_of
from .survey import Survey
from .travel import refusal, why_not
from .versions import Version

_ATTEMPTS = 4


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
    sent: tuple[str, ...] = ()  # components on their way, like "model+opt"
    sent_bytes: int = 0  # what they weigh; unchanged chunks included
    sendings: tuple[Sending, ...] = ()
    looks: Mapping[str, Any] = field(default_factory=dict)  # of the ambient state that is told

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
    deps: dict[str, tuple[str, ...]]
    parked_there: set[str]
    texts_there: set[int]
    tokens: Iterable[str]
    survey: Survey = field(init=False)
    mentioned: set[str] = field(init=False)
    stubs: dict[str, Description] = field(default_factory=dict)
    revived: set[str] = field(default_factory=set)

    def prepare(self, cell: Cell, text: Footprint) -> Departure:
        """Work out what `cell` needs. Raises `CannotTravelError` or `LostError`."""
        namespace = self.half.namespace
        reads = [n for n in text.reads if self._known(n)]
        nothing = all(is_module(namespace[n]) for n in reads)
        self.survey = Survey(self.half, self.deps, nothing=nothing)
        self.mentioned = self.survey.linked(reads)
        need = {n for n in self.survey.closure(reads) if self._known(n)}
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
        return Departure(
            begin,
            tuple("+".join(s.parcel.names) for s in sendings),
            sum(s.unit.nbytes() for s in sendings),
            tuple(sendings),
        )

    def _known(self, name: str) -> bool:
        return name in self.half.namespace and not is_hidden(name, self.half.namespace[name])

    def _to_park(self) -> set[str]:
        """Return the names whose old value the machine must put aside: newest here, not sent."""
        touched = {n for n in self.places.known() if self.places[n] is Place.TOUCHED}
        return touched - self.parked_there

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
        half, values = self.half, self.survey.values
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

    def send_ahead(self, departure: Departure, peer: Peer, progress: Progress | None) -> Departure:
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
        total = sum(len(chunks[n]) for n in missing)
        for _ in range(_ATTEMPTS):
            if missing:
                missing = peer.supply(_told(missing, chunks, total, progress)).chunks
        if not missing:
            return departure
        raise DamagedError(
            f"{len(missing)} pieces of {', '.join(departure.sent)} kept arriving damaged or were "
            f"being changed while they were sent",
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


def _told(
    names: Iterable[bytes],
    chunks: dict[bytes, memoryview],
    total: int,
    progress: Progress | None,
) -> Iterable[tuple[bytes, memoryview]]:
    """Yield chunks, saying how far we are after each."""
    done = 0
    for name in names:
        yield name, chunks[name]
        done += len(chunks[name])
        if progress is not None:
            progress(done, total)


def lost_error(name: str, machine: str, what: str) -> LostError:
    """Say that the newest value of `name` went with its machine."""
    return LostError(
        f"{what} The newest value of {name} went with the remote Python on {machine}.",
        where=name,
        hint=f"Run the cell that made {name} again, or bind it anew.",
    )


def _described(value: object) -> Description:
    return description_of(value) if isinstance(value, Placeholder) else describe(value)
