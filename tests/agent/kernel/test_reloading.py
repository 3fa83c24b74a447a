"""Modules that were edited are loaded anew, and what keeps old code is named."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.agent.kernel.import_order import in_order
from jupyter_remote_gpu.agent.kernel.interrupts import InterruptGuard
from jupyter_remote_gpu.agent.kernel.reloading import Reloader
from jupyter_remote_gpu.errors import StateError
from jupyter_remote_gpu.state.loaded import LoadedModules


class Kernel:
    """A project's folder and a namespace, in which cells run as a kernel runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.parked: dict[str, Any] = {}
        self.elsewhere = False
        self.reloader = Reloader(InterruptGuard(), lambda: self.elsewhere)

    def write(self, name: str, text: str) -> Path:
        """Put a file into the project, of one time whenever that is."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(1_000_000_000, 1_000_000_000))
        return path

    def run(self, cell: str) -> list[str]:
        """Run a cell; return what the reloader said before it."""
        lines = self.reloader.reload([self.names, self.parked])
        exec(cell, self.names)
        self.reloader.look()
        return lines

    def value(self, expression: str) -> Any:
        """Return the value of an expression after a cell; nothing may have been said."""
        assert self.run(f"value = {expression}") == []
        return self.names["value"]


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    before = set(sys.modules)
    opened = Kernel(tmp_path)
    yield opened
    opened.reloader.close()
    for name in set(sys.modules) - before:
        if not name.startswith("IPython"):
            del sys.modules[name]


DECORATED = """
import functools
def twice(function):
    @functools.wraps(function)
    def call(*given): return 2 * function(*given)
    return call
@twice
def f(): return {}
@functools.lru_cache
def g(): return {}
"""
CLASS = """
import dataclasses, enum
@dataclasses.dataclass
class Net:
    width: int = {0}
    def run(self): return {0}
class Mode(enum.Enum):
    TRAIN = {0}
class Python2:
    def __init__(self): super(Python2, self).__init__()
"""

# what m.py is first, the cell that imports it, what m.py becomes, an expression, its value
FOLLOWED = [
    ("def f(): return 1", "import m; from m import f", "def f(): return 2", "(f(), m.f())", (2, 2)),
    ("A = 1", "import m", "def f(): return g()\ndef g(): return 3", "m.f()", 3),
    ("A = 1\nB = A + 1", "import m", "A = 2\nB = A + 1", "(m.A, m.B)", (2, 3)),
    ("A = 1", "from m import A; import m", "A = 2", "(A, m.A)", (1, 2)),
    (
        DECORATED.format(1, 1),
        "from m import f, g; g()",
        DECORATED.format(2, 2),
        "(f(), g())",
        (4, 2),
    ),
    (
        CLASS.format(1),
        "from m import Net; x = Net()",
        CLASS.format(2),
        "(x.run(), x.width)",
        (2, 1),
    ),
    (CLASS.format(1), "from m import Net; x = Net()", CLASS.format(2), "type(x) is Net", True),
    (CLASS.format(1), "from m import Net", CLASS.format(2), "(Net(), Net().run())", ...),
    (CLASS.format(1), "from m import Python2", CLASS.format(2), "type(Python2())", ...),
    (
        CLASS.format(1),
        "from m import Mode; x = Mode.TRAIN",
        CLASS.format(2),
        "x is Mode.TRAIN",
        True,
    ),
    (
        CLASS.format(1),
        "import m\nclass Own(m.Net): pass\nx = Own()",
        CLASS.format(2),
        "(x.run(), isinstance(x, m.Net), super(Own, x).run())",
        (2, True, 2),
    ),
]


@pytest.mark.parametrize(("first", "cell", "second", "expression", "value"), FOLLOWED)
def test_names_follow_an_edit(
    kernel: Kernel, first: str, cell: str, second: str, expression: str, value: object
) -> None:
    kernel.write("m.py", first)
    kernel.run(cell)
    kernel.write("m.py", second)
    found = kernel.value(expression)
    assert value is ... or found == value


def test_names_put_aside_follow_too(kernel: Kernel) -> None:
    kernel.write("m.py", CLASS.format(1))
    kernel.run("from m import Net")
    kernel.parked["Net"] = kernel.names.pop("Net")
    kernel.write("m.py", CLASS.format(2))
    assert kernel.value("0") == 0
    assert kernel.parked["Net"] is sys.modules["m"].Net


def test_other_modules_follow(kernel: Kernel) -> None:
    kernel.write("base.py", CLASS.format(1))
    kernel.write("user.py", "from base import Net\ndef ours(x): return isinstance(x, Net)")
    kernel.run("import base, user; x = base.Net()")
    kernel.write("base.py", CLASS.format(2))
    assert kernel.value("(user.ours(x), user.ours(base.Net()))") == (True, True)


def test_modules_come_after_those_they_import(kernel: Kernel) -> None:
    kernel.write("top.py", "from pkg.low import K\nfrom pkg import high\nV = K, high.K")
    kernel.write("pkg/__init__.py", "")
    kernel.write("pkg/low.py", "K = 1")
    kernel.write("pkg/high.py", "from .low import K\nfrom . import low")
    kernel.run("import top")
    for name in ("top.py", "pkg/low.py", "pkg/high.py"):
        path = kernel.folder / name
        kernel.write(name, path.read_text().replace("K = 1", "K = 2") + "\n#")
    assert kernel.value("top.V") == (2, 2)


def test_modules_that_import_each_other_are_all_in_the_order(kernel: Kernel) -> None:
    kernel.write("one.py", "import two")
    kernel.write("two.py", "import one")
    kernel.run("import one")
    for name in ("one.py", "two.py"):
        kernel.write(name, (kernel.folder / name).read_text() + "\n#")
    loaded = LoadedModules()
    loaded.look()
    for one in loaded:
        one.state = type(one.state)((), b"")
    changes = [c for c in loaded.changed() if c.loaded.name in ("one", "two")]
    assert [c.loaded.name for c in in_order(changes, loaded)] == ["one", "two"]


def test_a_package_keeps_its_modules(kernel: Kernel) -> None:
    kernel.write("pkg/__init__.py", "A = 1")
    kernel.write("pkg/part.py", "B = 1")
    kernel.run("import pkg.part")
    kernel.write("pkg/__init__.py", "A = 2")
    assert kernel.value("(pkg.A, pkg.part.B)") == (2, 1)


def test_compiled_code_of_the_version_before_is_not_taken(kernel: Kernel) -> None:
    kernel.write("m.py", "A = 1")
    kernel.run("import m")
    assert list(kernel.folder.glob("__pycache__/m.*"))
    kernel.write("m.py", "A = 2")  # of the same size and time
    assert kernel.value("m.A") == 2


def test_what_was_only_touched_is_not_run_again(kernel: Kernel) -> None:
    path = kernel.write("m.py", "STATE = []")
    kernel.run("import m; m.STATE.append(1)")
    os.utime(path)
    assert kernel.value("m.STATE") == [1]


def test_a_module_with_an_error_stays_as_it_was(kernel: Kernel) -> None:
    kernel.write("m.py", "def f(): return 1")
    kernel.run("from m import f; import m")
    kernel.write("m.py", "def f( = 2")
    (line,) = kernel.run("x = f() + m.f()")
    assert kernel.names["x"] == 2
    assert line.startswith(
        "m.py could not be loaded anew, so the version before stays: SyntaxError"
    )
    assert "line 1" in line
    assert kernel.run("") == [], "it is said once"
    kernel.write("m.py", "def f(): return 1\nx = 1 / 0")
    (line,) = kernel.run("x = f() + m.f()")
    assert line.endswith("ZeroDivisionError: division by zero (line 2)")
    kernel.write("m.py", "raise SystemExit")
    (line,) = kernel.run("x = f() + m.f()")
    assert "SystemExit" in line
    kernel.write("m.py", "def f(): return 2")
    assert kernel.value("f() + m.f()") == 4


def test_what_lacked_something_is_tried_again(kernel: Kernel) -> None:
    kernel.write("m.py", "A = 1")
    kernel.run("import m")
    kernel.write("m.py", "A = 2\nimport not_there_yet")
    (line,) = kernel.run("x = m.A")
    assert "ModuleNotFoundError: No module named 'not_there_yet'" in line
    assert kernel.names["x"] == 1
    kernel.write("not_there_yet.py", "")
    assert kernel.value("m.A") == 2


def test_an_interrupt_keeps_the_old_module_and_the_next_run_goes_on(kernel: Kernel) -> None:
    kernel.write("m.py", "def f(): return 1")
    kernel.run("import m")
    kernel.write("m.py", "def f(): return 2\nimport builtins, os, signal\n" + INTERRUPTED)
    with pytest.raises(StateError, match="interrupted"):
        kernel.run("")
    assert sys.modules["m"].f() == 1
    assert kernel.value("m.f()") == 2


INTERRUPTED = """
if not hasattr(builtins, 'm_was_interrupted'):
    builtins.m_was_interrupted = True
    os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture(autouse=True)
def _interrupts_as_they_were() -> Iterator[None]:
    import builtins
    import signal

    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)
    vars(builtins).pop("m_was_interrupted", None)


OLD_CODE = [
    ("def make():\n    def s(): return {0}\n    return s", "s = m.make()", "s"),
    ("def make():\n    def s(): return {0}\n    return s", "held = {'a': [m.make()]}", "held"),
    ("def f(): return {0}\nif {0} == 1:\n    def g(): return 5", "from m import g as h", "h"),
    ("import enum\nclass E(enum.Enum):\n    A = {0}", "held = [m.E.A]", "held"),
]


@pytest.mark.parametrize(("source", "cell", "name"), OLD_CODE)
def test_what_keeps_old_code_is_named(kernel: Kernel, source: str, cell: str, name: str) -> None:
    kernel.write("m.py", source.format(1))
    kernel.run(f"import m\n{cell}")
    kernel.write("m.py", source.format(2))
    assert kernel.run("") == [f"{name}: still the code of m.py from before the edit"]


def test_a_closure_whose_code_is_the_same_is_not_named(kernel: Kernel) -> None:
    source = "def make():\n    def s(): return 1\n    return s"
    kernel.write("m.py", source)
    kernel.run("import m; s = m.make()")
    kernel.write("m.py", f"A = 1\n\n{source}")
    assert kernel.value("s()") == 1


def test_instances_that_cannot_change_their_class_are_named(kernel: Kernel) -> None:
    source = "class C:\n    __slots__ = {}\n    def f(self): return {}\ndef g(): return {}"
    kernel.write("m.py", source.format("('a',)", 1, 1))
    kernel.run("from m import C, g; x = C()")
    kernel.write("m.py", source.format("('a', 'b')", 2, 2))
    lines = kernel.run("result = g(), C().f(), hasattr(C, 'b')")
    assert lines[0].startswith("m.py is new, but what was made before of C keeps its old class")
    assert lines[1].startswith("x: still the code of m.py")
    assert kernel.names["result"] == (2, 2, True)


def test_a_thread_that_goes_on_with_old_code_is_named(kernel: Kernel) -> None:
    kernel.write("m.py", "def wait(event):\n    event.wait()")
    kernel.run("import m")
    event = threading.Event()
    thread = threading.Thread(target=sys.modules["m"].wait, args=(event,), name="loader")
    thread.start()
    try:
        kernel.write("m.py", "def wait(event):\n    event.wait(1)")
        lines = kernel.run("")
    finally:
        event.set()
        thread.join()
    assert lines == ["the thread loader: still the code of m.py from before the edit"]


def test_machine_code_is_named(kernel: Kernel) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    there = Path(sysconfig.get_path("stdlib"), "lib-dynload", f"xxlimited{suffix}")
    if not there.exists():
        pytest.skip("this Python has no extension module to spare")
    shutil.copy(there, kernel.folder)
    importlib.invalidate_caches()
    kernel.run("import xxlimited")
    (kernel.folder / there.name).unlink()
    shutil.copy(there, kernel.folder)
    (line,) = kernel.run("")
    assert line.startswith(f"{there.name} changed; machine code cannot be loaded anew")
    assert kernel.run("") == []


def test_a_file_that_is_gone_is_named(kernel: Kernel) -> None:
    kernel.write("m.py", "A = 1")
    kernel.run("import m")
    (kernel.folder / "m.py").unlink()
    (line,) = kernel.run("x = m.A")
    assert line.startswith("m.py is gone; what was imported from it stays")
    assert kernel.run("") == []


def test_the_users_own_autoreload_has_precedence(kernel: Kernel) -> None:
    kernel.write("m.py", "A = 1")
    kernel.run("import m")
    kernel.elsewhere = True
    kernel.write("m.py", "A = 2")
    assert kernel.value("m.A") == 1
