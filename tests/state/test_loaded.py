"""Which modules are the user's, and whose file changed."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.state.loaded import LoadedModules, users_file, was_replaced


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


@pytest.mark.parametrize("name", ["json.decoder", "math", "sys", "pytest", __name__[:5]])
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
class Net:
    def run(self): return {}
class Data: pass
def step(): return {}
"""


def test_only_what_autoreload_has_replaced_counts_as_replaced(project: Path) -> None:
    from IPython.extensions import autoreload

    superreload: Any = autoreload.superreload
    module = _import(project / "loaded_three.py", SOURCE.format(1, 1))
    first = module.Net, module.Data, module.step
    assert not any(map(was_replaced, first))
    (project / "loaded_three.py").write_text(SOURCE.format(22, 22))
    superreload(module)
    assert [was_replaced(one) for one in first] == [True, True, True]
    second = module.Net, module.step
    importlib.reload(module)
    assert not any(map(was_replaced, second)), "they keep the code they had"
