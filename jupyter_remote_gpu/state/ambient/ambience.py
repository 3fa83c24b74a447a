"""Keeping ambient state the same on both sides: look before a cell, tell what changed."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from jupyter_remote_gpu.protocol.state import Blob
from jupyter_remote_gpu.state.plain.simple import from_bytes, to_bytes

from . import options, randomness
from .admission import NotAdmittedError, admitted
from .surroundings import Surroundings
from .unit import AmbientUnit

_UNSEEN = object()
_WAITS = "waits for its library"
MAX_TOLD_BYTES = 4 << 20


class Ambience:
    """One side's ambient state, and what of it the other side is known to have.

    `changes` is cheap (about 0.1 ms) when nothing changed. State of a library
    that is not imported here waits until it is, in `untold`: what one machine
    told is passed on to the others from there. All of it is plain data; unless
    the other side is `trusted`, only what `admission` lets in is taken over, and
    what is not is said once.
    """

    def __init__(
        self,
        untold: dict[str, bytes] | None = None,
        *,
        trusted: bool = True,
        typed: Callable[[str], bool] = lambda word: True,
    ) -> None:
        self._trusted = trusted
        self._typed = typed  # says whether a word stands in a text of the notebook
        self._refused: dict[str, Any] = {}
        self.surroundings = Surroundings()
        units = (*randomness.UNITS, *options.UNITS, *self.surroundings.units())
        self._units: dict[str, AmbientUnit] = {unit.name: unit for unit in units}
        self._known: dict[str, Any] = {}
        self._waiting = {} if untold is None else untold
        self._finder: _WhenImported | None = None

    def changes(self) -> tuple[dict[str, Blob], dict[str, Any]]:
        """Return what to tell the other side, and the looks to `settle` when it knows."""
        told: dict[str, Blob] = {}
        looks: dict[str, Any] = {}
        for name, unit in self._units.items():
            waiting = self._waiting.get(name)
            if waiting is not None:
                look: Any = (_WAITS, waiting)
            elif _ready(unit.module):
                look = unit.look()
            else:
                continue
            if self._known.get(name, _UNSEEN) != look:
                told[name] = waiting or to_bytes(unit.tell())
                looks[name] = look
        return told, looks

    def settle(self, looks: Mapping[str, Any]) -> None:
        """Note that the other side has taken over what these looks stand for."""
        self._known.update(looks)

    def check(self, told: Mapping[str, Blob]) -> None:
        """Raise `ProtocolError` if any of it is not plain data; nothing is taken over."""
        for blob in told.values():
            from_bytes(blob)

    def take(self, told: Mapping[str, Blob]) -> None:
        """Take over what the other side told, now or when its library is imported here."""
        for name, blob in told.items():
            unit = self._units.get(name)
            if unit is None or len(blob) > MAX_TOLD_BYTES:
                continue
            state = from_bytes(blob)
            if not self._trusted:
                try:
                    state = admitted(name, state)
                except NotAdmittedError as error:
                    self._keep(unit, state, error)
                    continue
            if _ready(unit.module):
                self._take(unit, state)
            else:
                self._waiting[name] = to_bytes(state)
                self._known[name] = (_WAITS, self._waiting[name])
        modules = {self._units[name].module for name in self._waiting}
        if modules and self._finder is None:
            self._finder = _WhenImported(self)
            sys.meta_path.insert(0, self._finder)

    def imported(self, module: str) -> None:
        """Take over what waited for `module`; called right after its first import."""
        for name in [n for n in self._waiting if self._units[n].module == module]:
            self._take(self._units[name], from_bytes(self._waiting.pop(name)))

    def waits_for(self, module: str) -> bool:
        """Say whether some state waits for `module`."""
        return any(self._units[name].module == module for name in self._waiting)

    def forget(self) -> None:
        """The other side is a new one that knows nothing."""
        self._known.clear()

    def close(self) -> None:
        """Take the import hook out again."""
        if self._finder is not None and self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        self._finder = None

    def _keep(self, unit: AmbientUnit, told: Any, why: NotAdmittedError) -> None:
        """Leave a part as it is here, and say so if it is different there, once."""
        if told in (
            self._refused.get(unit.name, _UNSEEN),
            unit.tell() if _ready(unit.module) else _UNSEEN,
        ):
            return
        self._refused[unit.name] = told
        what = unit.name
        if what == "os.environ":  # libraries set variables too: only what was typed is said
            names = [n for n in told if type(n) is str and n.isidentifier() and self._typed(n)]
            if not names:
                return
            what = f"{what} ({', '.join(names[:5])})"
        warnings.warn(
            f"The cell changed {what} on the machine; here it stays as it is, because "
            f"{why.message}. Set it in a cell here if you want it here too.",
            RuntimeWarning,
            stacklevel=2,
        )

    def _take(self, unit: AmbientUnit, told: Any) -> None:
        try:
            unit.take(told)
        except Exception as error:  # another version of its library: say so, once, and go on
            del self._units[unit.name]
            warnings.warn(
                f"{unit.name} cannot be the same on both sides from here on: "
                f"{type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        self._known[unit.name] = unit.look()


class _WhenImported:
    """A finder that finds nothing itself: it lets waiting state in once its library is imported."""

    def __init__(self, ambience: Ambience) -> None:
        self._ambience = ambience
        self._busy: set[str] = set()

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the real spec of a library that state waits for, its loading followed by ours."""
        if name in self._busy or not self._ambience.waits_for(name):
            return None
        self._busy.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None:
            self._follow(spec, name)
        return spec

    def _follow(self, spec: ModuleSpec, name: str) -> None:
        loader: Any = spec.loader
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            self._ambience.imported(name)

        loader.exec_module = exec_module


def _ready(module: str) -> bool:
    """Say whether a library is imported here, whole."""
    if not module:
        return True
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)
