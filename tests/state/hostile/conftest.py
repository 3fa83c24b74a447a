"""A notebook whose machine lies, and a watch over what must not happen meanwhile."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.state.hostile.liar import Lied

_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.putenv",
    "os.chdir",
    "subprocess.Popen",
    "socket.connect",
    "socket.bind",
    "pickle.find_class",
    "marshal.loads",
    "shutil.rmtree",
    "webbrowser.open",
    "builtins.input",
    "code.__new__",
    "ctypes.dlopen",
    "import",
)
_LISTED = ("numpy", "pandas", "torch", "PIL", "encodings", "zoneinfo", "tzdata", "sklearn")


@dataclass
class Watch:
    """What happened in this process while it looked: `events` must stay empty."""

    active: bool = False
    events: list[str] = field(default_factory=list)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note what an attack would do. Called by Python for every audited event."""
        if not self.active:
            return
        if event == "import" and _may_be_imported(arguments[0]):
            return
        if event == "marshal.loads" and "importlib" in sys._getframe(1).f_code.co_filename:
            return  # a module that the rule above let in
        if event in _FORBIDDEN or (
            event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        ):
            self.events.append(f"{event} {arguments!r:.200}")


def _may_be_imported(module: str) -> bool:
    """Say whether it is there or a listed library: nothing else is imported by a machine's word."""
    return module in sys.modules or module.split(".")[0] in _LISTED


WATCH = Watch()
for _library in ("pyarrow", "pandas", "torch", "PIL.Image", "zoneinfo", "importlib.readers"):
    # what a listed class or function may import is there before anybody looks
    with contextlib.suppress(ImportError):
        importlib.import_module(_library)
sys.addaudithook(WATCH.hear)


@pytest.fixture
def lied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lied]:
    """A notebook with a lying machine; whatever it does, the process stays as it was."""
    monkeypatch.chdir(tmp_path)
    victim = Lied()
    before = _process(tmp_path)
    WATCH.events.clear()
    victim.watch = WATCH
    yield victim
    WATCH.active = False
    assert WATCH.events == []
    assert _process(tmp_path) == before


def _process(folder: Path) -> tuple[Any, ...]:
    """Return what a machine must not change of this process."""
    variables = {n: v for n, v in os.environ.items() if n != "PYTEST_CURRENT_TEST"}
    return variables, list(sys.path), os.getcwd(), sorted(os.listdir(folder))
