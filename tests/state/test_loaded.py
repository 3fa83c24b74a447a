"""Which modules are the user's, and whose file changed."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.loaded import LoadedModules, users_file, was_replaced
from jupyter_remote_gpu.state.pickling import Side, decode, encode, of_module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that modules are imported from; they are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def _import(path: Path, text: str) -> Any:
    path.write_text(text)
    importlib.invalidate_caches()
    return importlib.import_module(path.stem)


def _changed(modules: LoadedModules) -> list[tuple[str, bool]]:
    return [(change.loaded.file, change.now is not None) for change in modules.changed()]


@pytest.mark.parametrize("name", ["json.decoder", "math", "sys", "pytest", "email"])
def test_what_is_pythons_or_installed_is_not_the_users(name: str) -> None:
    assert users_file(importlib.import_module(name).__spec__) is None


def test_what_is_ours_is_not_the_users() -> None:
    assert users_file(importlib.import_module("jupyter_remote_gpu.errors").__spec__) is None


def test_an_edit_shows_and_a_touch_does_not(project: Path) -> None:
    file = project / "loaded_one.py"
    _import(file, "a = 1")
    modules = LoadedModules()
    modules.look()
    assert _changed(modules) == []
    os.utime(file, ns=(1, 1))
    assert _changed(modules) == []
    file.write_text("a = 2")
    assert _changed(modules) == [("loaded_one.py", True)]
    assert _changed(modules) == [("loaded_one.py", True)], "it is not loaded yet"
    importlib.reload(sys.modules["loaded_one"])
    modules.look()
    assert _changed(modules) == []


def test_a_file_that_is_gone_is_named_once(project: Path) -> None:
    (project / "loaded_pkg").mkdir()
    file = project / "loaded_pkg" / "__init__.py"
    file.write_text("")
    importlib.invalidate_caches()
    importlib.import_module("loaded_pkg")
    modules = LoadedModules()
    modules.look()
    file.unlink()
    assert _changed(modules) == [("loaded_pkg/__init__.py", False)]
    assert _changed(modules) == []
    file.write_text("")
    assert _changed(modules) == [], "it is back as it was"
    file.write_text("b = 1")
    assert _changed(modules) == [("loaded_pkg/__init__.py", True)]


def test_an_edit_between_the_import_and_the_look_shows(project: Path) -> None:
    modules = LoadedModules()
    modules.watch_imports()
    try:
        _import(project / "loaded_two.py", "a = 1")
    finally:
        modules.unwatch_imports()
    (project / "loaded_two.py").write_text("a = 2")
    modules.look()
    assert _changed(modules) == [("loaded_two.py", True)]


def test_watching_imports_hides_no_error(project: Path) -> None:
    modules = LoadedModules()
    modules.watch_imports()
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
            importlib.import_module("no_such_module_anywhere")
        (project / "loaded_link.py").symlink_to(project / "nothing.py")
        with pytest.raises(ModuleNotFoundError):
            _import_again("loaded_link")
    finally:
        modules.unwatch_imports()


def _import_again(name: str) -> None:
    importlib.invalidate_caches()
    importlib.import_module(name)


SOURCE = """
import functools
HELD = []
class Net:
    def run(self): return {0}
class Data: pass
def step(): return {0}
def twice(function):
    @functools.wraps(function)
    def call(): return 2 * function()
    return call
@twice
def doubled(): return {0}
def _(): return {0}
class _Same: pass
HELD += [_, _Same]
def _(): return 0
class _Same: pass
"""


def _reload(module: Any) -> None:
    """Load a module anew as `%autoreload` does."""
    from IPython.extensions import autoreload

    superreload: Any = autoreload.superreload
    superreload(module)


@pytest.mark.parametrize("reload", [_reload, importlib.reload])
def test_what_was_replaced_is_told_from_what_has_the_same_name(
    project: Path, reload: Callable[[Any], object]
) -> None:
    module = _import(project / "loaded_three.py", SOURCE.format(1))
    replaced = module.Net, module.Data, module.step
    others = [module.doubled.__wrapped__, *module.HELD]
    assert not any(map(was_replaced, [*replaced, *others]))
    (project / "loaded_three.py").write_text(SOURCE.format(22))
    reload(module)
    assert [was_replaced(one) for one in replaced] == [True, True, True]
    assert not any(map(was_replaced, [module.doubled.__wrapped__, *module.HELD, *others]))


def test_a_replaced_class_arrives_as_the_new_one(project: Path) -> None:
    module = _import(project / "loaded_four.py", SOURCE.format(1))
    value, function = module.Net(), module.step
    importlib.reload(module)
    side = Side({"__name__": "__main__"}, Cells(), outward=False)
    encoded = encode([value, function], side)
    assert b"of_module" in encoded.head
    arrived, called = decode(encoded.head, encoded.buffers, replace(side, outward=True))
    assert (type(arrived), called) == (module.Net, module.step)


def test_only_what_a_module_defines_comes_by_name(project: Path) -> None:
    _import(project / "loaded_five.py", "from types import CodeType\nfrom os import system")
    for name in ("CodeType", "system", "nothing"):
        with pytest.raises(pickle.UnpicklingError, match="of its own"):
            of_module("loaded_five", name)
