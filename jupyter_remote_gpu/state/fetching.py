"""Bringing values home: ask, pull what is lacking, rebuild, and only then let anything change."""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from jupyter_remote_gpu.errors import (
    CannotTravelError,
    DamagedError,
    RemoteGPUError,
    StateError,
)
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.protocol.state import Answers, Ask, Import, Parcel, Same, Stays

from .arrivals import Arrivals, patchable
from .coherence import ELSEWHERE, Event, Places
from .half import Half, overlay
from .loads import Load, component_name, load
from .namespace import Rebinding, bind
from .peer import Peer, Watch
from .plain.admission import check_answers, typed_attribute, typed_module
from .rebuilding import Overlays, define_ready, in_two_steps
from .travel import stays
from .versions import Version

_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Moved:
    """What a fetch brought: for the transfer line."""

    names: tuple[str, ...] = ()
    patched: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    bytes: int = 0
    loads: tuple[Load, ...] = ()


@dataclass(slots=True)
class Fetching:
    """One fetch; `required` are the names without which it is refused, `watch` follows it."""

    half: Half
    places: Places
    machine: str
    required: frozenset[str]
    stays_there: dict[str, str]
    watch: Watch
    trusted: bool = True
    versions: list[Version] = field(default_factory=list)
    overlays: Overlays = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    patched: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    patches: list[Parcel] = field(default_factory=list)
    loads: tuple[Load, ...] = ()
    arrivals: Arrivals = field(init=False)

    def run(self, names: Iterable[str], park: Iterable[str], peer: Peer) -> Moved:
        """Fetch `names`; raises before anything changed, or changes all that came."""
        self.arrivals = Arrivals(self.half)
        held = [v for v in self.half.versions.all() if v.held(self.half.parked)]
        large = [v for v in held if any(p.length for p in v.prints)]
        ask = Ask(
            tuple(sorted(names)),
            known=tuple(v.token for v in held),
            patchable=tuple(
                v.token for v in large if patchable(self.half, v, self.half.parked) is not None
            ),
            unbind=tuple(sorted(self.places.unbind)),
            park=tuple(sorted(park)),
            plain=not self.trusted,
        )
        answers = peer.ask(ask)
        self.places.unbind.difference_update(ask.unbind)
        if not self.trusted:
            check_answers(answers, self.places)
        self._refuse(answers)
        parcels = [i for i in answers.items if isinstance(i, Parcel) and self._newer(i.names)]
        return self._apply(answers, parcels, peer)

    def receive(self, answers: Answers, parcels: list[Parcel], peer: Peer) -> int:
        """Bring the chunks of `parcels` into place; returns how many bytes were pulled."""
        unpatchable = self.arrivals.expect(parcels, self.half.parked)
        landing = self.arrivals.landing
        landing.inline(answers.chunks.items())
        if unpatchable:
            raise DamagedError("a patch came for a value that is not held here")
        total = sum(len(landing.destination(name)) for name in landing.missing())
        self.loads = tuple(self._load(p, {*landing.missing(), *answers.chunks}) for p in parcels)
        try:
            self.watch.begins(self.loads, total)
        except StateError:
            peer.release(())  # it need not keep what will not be pulled
            raise
        done = 0

        def coming(length: int) -> None:
            nonlocal done
            self.watch.moved(min(done, total), total)
            done += length

        landing.coming = coming
        for _ in range(_ATTEMPTS):
            if landing.missing():
                peer.pull(landing.missing(), landing)
        if not landing.missing():
            return total
        raise DamagedError(
            f"{len(landing.missing())} pieces of {', '.join('+'.join(p.names) for p in parcels)} "
            f"kept arriving damaged, or are being changed on {self.machine} while they are copied",
            hint="If a thread there still works on these values, wait for it, then run the cell "
            "again.",
        )

    def _newer(self, names: Iterable[str]) -> bool:
        """Say whether a component has a name whose newest value is not here."""
        return any(self.places[name] in ELSEWHERE for name in names)

    def _refuse(self, answers: Answers) -> None:
        """Refuse if a required name cannot come; remember the reason of all others."""
        for item in answers.items:
            if isinstance(item, Stays):
                for name in item.names:
                    self.stays_there[name] = item.reason
                if self.required & set(item.names):
                    raise stays(item.culprit, item.type, item.reason, self.machine)

    def _apply(self, answers: Answers, parcels: list[Parcel], peer: Peer) -> Moved:
        pulled = self.receive(answers, parcels, peer)
        bound = Rebinding(self.half.namespace)
        try:
            for item in answers.items:
                if isinstance(item, Import) and self._newer([item.name]):
                    bound.bind(item.name, self._module(item))
                    self.names.append(item.name)
            # from a machine that is not trusted definitions are checked with their values
            made = define_ready(self.half, parcels, bound) if self.trusted else []
            for parcel, first in in_two_steps(parcels):
                self._rebuild(parcel, bound, first)
            del made  # bound by now, or held by what was rebuilt
            with uninterrupted():
                self._settle(answers)
        except BaseException:
            bound.undo()
            raise
        tokens = [v.token for v in self.versions]
        peer.release([*tokens, *(i.token for i in answers.items if isinstance(i, Same))])
        size = pulled + sum(len(c) for c in answers.chunks.values())
        unchanged = tuple(self.unchanged)
        return Moved(tuple(self.names), tuple(self.patched), unchanged, size, self.loads)

    def _module(self, item: Import) -> Any:
        """Import what a remote cell imported; which module, an untrusted machine does not say."""
        if item.attribute:
            return typed_attribute(item, self.half.cells, self.machine)
        if self.trusted:
            return imported(item.name, item.module, self.machine)
        return typed_module(item.name, self.half.cells, self.machine)

    def _load(self, parcel: Parcel, moving: set[bytes]) -> Load:
        """Say what of a parcel has to come."""
        base = self.half.versions.token(parcel.base) if parcel.kind == "patch" else None
        if base is not None:
            return load(parcel, moving, [p.length for p in base.prints])
        return load(parcel, moving, [m.length for m in parcel.manifests[1:]])

    def _rebuild(self, parcel: Parcel, bound: Rebinding, only_define: bool) -> None:
        half = self.half
        if parcel.kind == "patch":
            self.patches.append(parcel)
            return
        try:
            if only_define:
                half.define(parcel, bound)
                return
            values, overlays = half.rebuild(parcel, self.arrivals.buffers(parcel), bound)
        except Exception as error:
            raise CannotTravelError(
                f"This cell was not run. {'+'.join(parcel.names)} came from {self.machine} but "
                f"could not be rebuilt here: {told(error)}",
                where=parcel.names[0],
                hint=_way_out(error),
            ) from error
        self.overlays += overlays
        self._note(parcel, values)

    def _note(self, parcel: Parcel, values: dict[str, Any]) -> None:
        half = self.half
        self.names.extend(parcel.names)
        if parcel.token in half.coded:
            half.coded.discard(parcel.token)
            return  # pickling it would run its own code: only a cell that needs it there may
        try:
            unit = half.pack(parcel.names, values)
        except CannotTravelError:
            return  # it came but could not go back; it is sent anew when it is wanted there
        self.arrivals.scanned(parcel, unit)
        slots = self.arrivals.slots(parcel, unit)
        self.versions.append(half.version(parcel.token, unit, values, slots))

    def _settle(self, answers: Answers) -> None:
        """All has arrived and was rebuilt: let it be seen, without interruption."""
        half = self.half
        overlay(self.overlays)
        for parcel in self.patches:
            values = self.arrivals.patch(parcel)
            for name, value in values.items():
                bind(half.namespace, name, value)
            self.patched.append(component_name(parcel.names))
            self._note(parcel, values)
        for item in answers.items:
            if isinstance(item, Same):
                version = half.versions.token(item.token)
                if version is None or not version.held(half.parked):
                    continue
                version.dirty = False
                for name in version.names:
                    bind(half.namespace, name, half.parked.pop(name))
                self.places.happen(Event.EQUAL, version.names)
                self.unchanged.append(component_name(version.names))
        for name in self.names:
            half.parked.pop(name, None)
            self.stays_there.pop(name, None)
        half.versions.drop(self.names)
        for version in self.versions:
            known = half.versions.token(version.token)
            half.versions.drop(() if known is None else known.names)
            half.versions.add(version)
        self.places.happen(Event.EQUAL, self.names)


def _way_out(error: Exception) -> str:
    """Say what to do about a value that could not be rebuilt."""
    words = str(error)
    if "Can't get attribute" in words or "of an imported module of the project" in words:
        # it is in the module's file, which the machine has as it is now
        return (
            "If that module was edited since it was imported here, `importlib.reload` of it brings"
            " the edit; or use the value in a %%remote_gpu cell."
        )
    return "Use it in a %%remote_gpu cell, or turn it into plain data there first."


def told(error: Exception) -> str:
    """Return an error's words as they may stand in a message: they may quote what came."""
    words = (
        error.message if isinstance(error, RemoteGPUError) else f"{type(error).__name__}: {error}"
    )
    return plain(words, 500)


def imported(name: str, module: str, machine: str) -> Any:
    """Import a module that a remote cell imported; `CannotTravelError` if it is not here."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CannotTravelError(
            f"This cell was not run. {name} is the module {module}, imported on {machine}; "
            f"it cannot be imported here: {error}",
            where=name,
            hint=f"Install it here (%pip install {module.split('.')[0]}), or run the cell with "
            f"%%remote_gpu.",
        ) from error


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C for a short step; it is raised after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[tuple[int, FrameType | None]] = []
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
