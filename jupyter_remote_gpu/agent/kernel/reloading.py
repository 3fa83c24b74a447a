"""Modules whose file changed are loaded anew before a run, as `%autoreload 2` would."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Callable, MutableMapping, Sequence
from types import ModuleType
from typing import Any

from jupyter_remote_gpu.errors import StateError
from jupyter_remote_gpu.state.loaded import Change, FileState, Loaded, LoadedModules

from .import_order import in_order
from .interrupts import InterruptGuard
from .old_code import Holders
from .successors import Successors, module_of

Names = MutableMapping[str, Any]
_RESTART = "until the remote Python is new (%remote_gpu restart)"
_MOST_NAMED = 5


class Reloader:
    """Keeps the modules of the user's as new as their files.

    The work is that of IPython's own `superreload`. On top of it come the order
    (a module after those it imports), the names that it does not update (see
    `Successors`), and words about what keeps old code. Used by the thread that
    runs cells. As long as `elsewhere` is true somebody else reloads: the user's own
    `%autoreload` in this Python.
    """

    def __init__(self, guard: InterruptGuard, elsewhere: Callable[[], bool]) -> None:
        self._guard = guard
        self._elsewhere = elsewhere
        self._loaded = LoadedModules()
        self._failed: dict[str, tuple[FileState, str, bool]] = {}
        self._old_objects: dict[Any, Any] = {}
        self._loaded.watch_imports()

    def look(self) -> None:
        """Take note of what a run imported; called after each."""
        self._loaded.look()

    def close(self) -> None:
        """Watch imports no longer."""
        self._loaded.unwatch_imports()

    def reload(self, namespaces: Sequence[Names]) -> list[str]:
        """Load what changed anew; return lines about what keeps old code.

        Runs code of the user's, which may print. `namespaces` are those whose names
        follow, the notebook's first. An interrupt meanwhile becomes a StateError, and
        what was not done is done with the next call.
        """
        self._loaded.look()
        changes = self._loaded.changed()
        if self._elsewhere():
            return []
        changes = self._worth_trying(changes)
        if not changes:
            return []
        self._guard.install()
        try:
            return self._reload(changes, namespaces)
        except KeyboardInterrupt:
            raise StateError(
                "This cell was not run: it was interrupted while modules that had changed were"
                " loaded anew on the machine",
                hint="The next remote cell goes on with that.",
            ) from None
        finally:
            self._guard.remove()
            self._loaded.look()

    def _worth_trying(self, changes: list[Change]) -> list[Change]:
        """Leave out what failed before, unless its file or anything else changed since.

        What could not import something is tried with every run: it may be installed by now.
        """

        def is_new(change: Change) -> bool:
            failed = self._failed.get(change.loaded.name)
            return failed is None or failed[0] != change.now or failed[2]

        return changes if any(map(is_new, changes)) else []

    def _reload(self, changes: list[Change], namespaces: Sequence[Names]) -> list[str]:
        sources = [c for c in changes if c.now is not None and c.now.source is not None]
        lines = [self._cannot(c) for c in changes if c.now is None or c.now.source is None]
        importlib.invalidate_caches()
        successors = Successors()
        done = []
        for change in in_order(sources, self._loaded):
            ran, line = self._load_anew(change, successors)
            if ran:
                done.append(change.loaded)
            if line:
                lines.append(line)
        modules = [loaded.module.__dict__ for loaded in self._loaded]
        successors.rebind([*namespaces, *modules])
        lines += [
            f"{name} could not be moved to the new version of its base class ({why})"
            for name, why in successors.rebase()
        ]
        return lines + _old_code(done, successors, namespaces[0])

    def _cannot(self, change: Change) -> str:
        """Say what of a change cannot be followed; said once."""
        file = change.loaded.file
        if change.now is None:
            return f"{file} is gone; what was imported from it stays {_RESTART}"
        change.loaded.state = change.now
        return f"{file} changed; machine code cannot be loaded anew: the old one stays {_RESTART}"

    def _load_anew(self, change: Change, successors: Successors) -> tuple[bool, str]:
        """Reload one module; return whether it is new now, and what is to be said, if anything."""
        loaded, module = change.loaded, change.loaded.module
        before = successors.remember(module)
        try:
            stuck = _superreload(module, before, self._old_objects)
        except KeyboardInterrupt:
            _restore(module, before)
            raise
        except (Exception, SystemExit) as error:
            _restore(module, before)
            return False, self._say_failed(change, error)
        self._failed.pop(loaded.name, None)
        for name, value in before.items():
            if sys.modules.get(f"{loaded.name}.{name}") is value and name not in module.__dict__:
                setattr(module, name, value)
        successors.compare(module)
        if not stuck:
            return True, ""
        return True, (
            f"{loaded.file} is new, but what was made before of {_listed(stuck)} keeps its old"
            " class: make it anew"
        )

    def _say_failed(self, change: Change, error: BaseException) -> str:
        loaded = change.loaded
        assert change.now is not None
        words = f"{type(error).__name__}: {error}"
        told = self._failed.get(loaded.name)
        self._failed[loaded.name] = change.now, words, isinstance(error, ImportError)
        if told is not None and told[1] == words and told[0] == change.now:
            return ""
        place = _place_in(loaded, error)
        return (
            f"{loaded.file} could not be loaded anew, so the version before stays: {words}{place}"
        )


def _superreload(module: ModuleType, before: dict[str, Any], old_objects: Any) -> list[str]:
    """Run a module again and update what it made before; return names that could not be.

    Raises what the module raises; then nothing was updated.
    """
    autoreload = _autoreload()
    superreload: Callable[..., Any] = autoreload.superreload
    update: Callable[[Any, Any], bool] = autoreload.update_generic
    _forget_bytecode(module)
    ran = False

    def load(again: ModuleType) -> ModuleType:
        nonlocal ran
        again = importlib.reload(again)
        ran = True
        return again

    try:
        superreload(module, load, old_objects)
    except Exception:
        if not ran:
            raise
    else:
        return []
    # One object stopped it, an instance whose class has another layout now; go on after it.
    stuck = []
    for name, old in before.items():
        new = module.__dict__.get(name)
        if new is None or module_of(old) != module.__name__:
            continue
        try:
            update(old, new)
        except (TypeError, ValueError, AttributeError):
            stuck.append(name)
    return stuck


def _autoreload() -> Any:
    """Return IPython's extension, as a module; it is not switched on."""
    name = "IPython.extensions.autoreload"
    if "imp" not in sys.modules and sys.version_info >= (3, 12):
        # IPython 7 takes `reload` from a module that Python has no more (Colab has both).
        stand_in: Any = ModuleType("imp")
        stand_in.reload = importlib.reload
        sys.modules["imp"] = stand_in
        try:
            return importlib.import_module(name)
        finally:
            del sys.modules["imp"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(name)


def _forget_bytecode(module: ModuleType) -> None:
    """Remove the compiled file: Python takes one for new that is from the same second."""
    cached = getattr(module.__spec__, "cached", None)
    if cached is not None:
        with contextlib.suppress(OSError):
            os.unlink(cached)


def _restore(module: ModuleType, before: dict[str, Any]) -> None:
    """Give a module back what it had; some versions of IPython do so only for exceptions."""
    module.__dict__.update(before)


def _place_in(loaded: Loaded, error: BaseException) -> str:
    """Say on which line of the module's own file an error arose, if on one."""
    if isinstance(error, SyntaxError):
        return ""  # its words say so
    line = None
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == loaded.path:
            line = at.tb_lineno
        at = at.tb_next
    return "" if line is None else f" (line {line})"


def _old_code(done: Sequence[Loaded], successors: Successors, names: Names) -> list[str]:
    """Say who still has code from before: names of the notebook, and threads."""
    if not done:
        return []
    modules = [loaded.module for loaded in done]
    found = Holders(modules, successors.is_old).among(names) + _threads_in(modules)
    files = _listed([loaded.file for loaded in done])
    return [f"{_listed(found)}: still the code of {files} from before the edit"] if found else []


def _threads_in(modules: Sequence[ModuleType]) -> list[str]:
    """Return the names of other threads that are in code of these modules."""
    ours = {id(module.__dict__) for module in modules}
    called = {thread.ident: thread.name for thread in threading.enumerate()}
    found = []
    for ident, frame in sys._current_frames().items():
        at: Any = None if ident == threading.get_ident() else frame
        while at is not None:
            if id(at.f_globals) in ours:
                found.append(f"the thread {called.get(ident, ident)}")
                break
            at = at.f_back
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
