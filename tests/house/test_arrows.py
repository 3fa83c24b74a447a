"""Rooms import only what they may: the contracts of setup.cfg, and what those cannot say."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import PACKAGE, ROOT, Source

# A user's kernel loads the package; what is heavy is imported only where the user's code did.
HEAVY = {"torch", "numpy", "pandas", "matplotlib", "sklearn", "PIL", "polars", "pyarrow"}


def rooms() -> list[str]:
    """Return the names of the rooms that exist."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_the_contracts_of_setup_cfg_hold() -> None:
    pytest.importorskip("importlinter")
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--config", "setup.cfg", "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_has_its_place_in_the_layers() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    layers = config["importlinter:contract:layers"]["layers"]
    placed = set(layers.replace("|", " ").replace("(", " ").replace(")", " ").split())
    assert set(rooms()) <= placed


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted module of every absolute import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module


def _imports_at_load(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield imports that run when the file is imported: not those inside functions."""
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _imports(statement)


def test_the_part_inside_the_kernel_knows_little_of_the_agent(package: list[Source]) -> None:
    may = ("errors", "protocol", "chunks", "state", "agent.kernel")
    hits = [
        f"{source.name}:{line} imports {module}"
        for source in package
        if source.name.startswith("jupyter_remote_gpu/agent/kernel/")
        for line, module in _imports(source.tree)
        if module.startswith("jupyter_remote_gpu.")
        and not module.removeprefix("jupyter_remote_gpu.").startswith(may)
    ]
    assert hits == []


def test_heavy_libraries_are_not_imported_at_load(package: list[Source]) -> None:
    hits = [
        f"{source.name}:{line} imports {module}"
        for source in package
        for line, module in _imports_at_load(source.tree)
        if module.partition(".")[0] in HEAVY
    ]
    assert hits == []


def test_importing_everything_loads_nothing_heavy() -> None:
    program = (
        "import pkgutil, sys, jupyter_remote_gpu as p\n"
        "for m in pkgutil.walk_packages(p.__path__, 'jupyter_remote_gpu.'):\n"
        "    m.name.endswith('__main__') or __import__(m.name)\n"
        "print(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "jupyter_remote_gpu" in done.stdout.split()
    assert HEAVY & set(done.stdout.split()) == set()


def test_between_rooms_imports_are_absolute_and_inside_a_room_relative(
    package: list[Source],
) -> None:
    hits = []
    for source in package:
        room = source.name.split("/")[1]
        # A file that is run as a file (launch.py) has no room to be relative to.
        if room.endswith(".py") or source.path.name == "launch.py":
            continue
        for line, module in _imports(source.tree):
            own = f"jupyter_remote_gpu.{room}"
            # A folder inside a room may reach its own room only absolutely: parents are banned.
            deep = source.name.count("/") > 2
            if (module == own or module.startswith(f"{own}.")) and not deep:
                hits.append(f"{source.name}:{line} imports {module}")
    assert hits == []
