"""Random notebooks whose values are also kept where no name of the notebook reaches them.

    python -m tests.state.hidden_places --notebooks 1000 --seed 0 [--torch --pandas]

A library's cache (this module plays that library), the default of a function,
an attribute of a class. What a library was given is taken out again by the next
cell on the same side: what lies there does not move along, as `docs/limits.md` says.
"""

from __future__ import annotations

import argparse
import random
import sys
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

from jupyter_remote_gpu.state.kinds import Kind, Kinds
from tests.state.differential import Cells, Difference, Plan, Reference, _alike, _attempt
from tests.state.generator import Writer
from tests.state.hosts import OtherProcess, SameProcess
from tests.state.notebook import Coherent

PRELUDE = """
from tests.state import hidden_places
class Shelf:
    entries = []
def crate(x=None, held=[]):
    if x is not None:
        held[:] = [x]
    return held[0] if held else None
"""
_ALIKE = (Kind.LEAF, Kind.SEEN_THROUGH, Kind.ENUM)
_kept: weakref.WeakKeyDictionary[ModuleType, Any] = weakref.WeakKeyDictionary()


def keep(value: Any) -> None:
    """Remember a value for the notebook that runs in this process at this moment."""
    _kept[sys.modules["__main__"]] = value


def kept() -> Any:
    """Return what was remembered last."""
    return _kept.get(sys.modules["__main__"])


def check(seed: int, hosts: tuple[Any, ...], plan: Plan) -> Difference | None:
    """Run the notebook of `seed`; return where it differs."""
    writer = Writer(
        seed, numpy=plan.numpy, torch=plan.torch, pandas=plan.pandas, errors=plan.errors
    )
    dice = random.Random(seed + 1)
    for host in hosts:
        host.restart()
    reference, notebook = Reference(), Coherent(*hosts)
    cells: Cells = []
    todo: Cells = [(writer.prelude + PRELUDE, 0)]
    while len(cells) < plan.cells:
        if not todo:
            todo = _next(writer, reference.main, dice, len(hosts))
        source, where = todo.pop(0)
        cells.append((source, where))
        expected = reference.run(source)
        found = _attempt(notebook, source, remote=where)
        if not _alike(expected, found, messages=plan.messages):
            return Difference(seed, cells, repr(expected), repr(found))
        writer.look(reference.main.__dict__)
    return None


def _next(writer: Writer, main: ModuleType, dice: random.Random, machines: int) -> Cells:
    """Write a cell, or some that put a value away and take it out under another name."""
    where = dice.randint(0, 1) * dice.randint(1, machines)
    kinds = Kinds()
    # whether two names hold the very same number or path is not kept
    names = [n for n in sorted(writer.kinds) if kinds.of(type(vars(main)[n])) not in _ALIKE]
    if len(names) < 2 or dice.random() < 0.5:
        return [(writer.cell(), where)]
    name, other = dice.sample(names, 2)
    put, take = dice.choice(
        [
            ("hidden_places.keep($)", "$ = hidden_places.kept()"),
            ("crate($)", "$ = crate()"),
            ("Shelf.entries.append($)", "$ = Shelf.entries[-1]"),
        ]
    )
    pair = [(put.replace("$", name), where), (take.replace("$", other), where)]
    return [*pair, (writer.cell(), dice.randint(0, 1) * dice.randint(1, machines))]


def main(arguments: list[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run many notebooks; return how many differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--notebooks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--host", choices=["same", "other", "ipython"], default="same")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--pandas", action="store_true")
    options = parser.parse_args(arguments)
    other = options.host != "same"
    host: Any = OtherProcess(ipython=options.host == "ipython") if other else SameProcess()
    plan = Plan(cells=16, torch=options.torch, pandas=options.pandas)
    differing = []
    for seed in range(options.seed, options.seed + options.notebooks):
        difference = check(seed, (host,), plan)
        if difference is not None:
            differing.append(seed)
            say(str(difference))
    host.close()
    say(f"{options.notebooks - len(differing)} of {options.notebooks} alike {differing}")
    return len(differing)


if __name__ == "__main__":
    # the library is the module that notebooks import, not this script
    from tests.state.hidden_places import main as run

    sys.exit(min(run(), 1))
