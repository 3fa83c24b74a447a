"""Random notebooks, each cell at random here or there, against the same notebook in one process.

    python -m tests.state.differential --notebooks 1000 --seed 0 [--host other --python ...]

prints the seeds that differ, shrunk to the cells that matter. With `--untrusted`
values come back as plain data: a cell that is refused for that, by name and with
its reason, ends its notebook and is counted; it is no difference.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError
from tests.state.generator import Writer
from tests.state.hosts import OtherProcess, SameProcess, execute, fresh_main
from tests.state.notebook import Coherent
from tests.state.shrinking import shrunk

Hosts = tuple[Any, ...]
Cells = list[tuple[str, int]]  # (source, 0 for here or the number of a machine)


@dataclass(frozen=True)
class Difference:
    """The first cell that showed something else than in one process."""

    seed: int
    cells: Cells
    expected: str
    found: str

    def __str__(self) -> str:
        lines = [f"seed {self.seed}:"]
        for source, remote in self.cells:
            lines.append(f"on machine {remote}:" if remote else "here:")
            lines += ["    " + line for line in source.splitlines()]
        return "\n".join([*lines, f"expected: {self.expected}", f"found:    {self.found}"])


@dataclass(frozen=True)
class Plan:
    """What random notebooks are made of."""

    cells: int = 11
    numpy: bool = True
    torch: bool = False
    pandas: bool = False
    errors: bool = True
    families: tuple[str, ...] = ()  # by name; else each notebook chooses a few
    trusted: bool = True
    messages: bool = True  # compare what errors say; other versions say it differently


class Reference:
    """The notebook in one process. It shares ours with home, but for the random states."""

    def __init__(self) -> None:
        self.main = fresh_main()
        self._count = 0
        self._dice: list[Any] = _dice()

    def run(self, source: str) -> tuple[str, str]:
        self._count += 1
        before, sys.modules["__main__"] = sys.modules["__main__"], self.main
        dice = _dice()
        _throw(self._dice)
        try:
            return execute(source, f"<reference-{self._count}>", self.main.__dict__)
        finally:
            self._dice = _dice()
            _throw(dice)
            sys.modules["__main__"] = before


def _dice() -> list[Any]:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    return [
        random.getstate(),
        numpy.random.get_state() if numpy else None,
        torch.get_rng_state() if torch else None,
    ]


def _throw(dice: list[Any]) -> None:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    random.setstate(dice[0])
    if numpy and dice[1]:
        numpy.random.set_state(dice[1])
    if torch and dice[2] is not None:
        torch.set_rng_state(dice[2])


class RefusedError(Exception):
    """A cell was refused because its machine is not trusted."""


def check(
    seed: int, hosts: Hosts, plan: Plan, refused: Counter[str] | None = None
) -> Difference | None:
    """Run the notebook of `seed`; return where it differs, and count why it was refused."""
    try:
        return _check(seed, hosts, plan)
    except RefusedError as refusal:
        if refused is not None:
            refused[str(refusal)] += 1
        return None


def _check(seed: int, hosts: Hosts, plan: Plan) -> Difference | None:
    writer = Writer(
        seed,
        numpy=plan.numpy,
        torch=plan.torch,
        pandas=plan.pandas,
        errors=plan.errors,
        families=plan.families,
    )
    where = random.Random(seed + 1)
    reference, notebook = Reference(), _notebook(hosts, plan.trusted)
    cells: Cells = []
    for number in range(plan.cells):
        remote = where.randint(0, 1) * where.randint(1, len(hosts))
        if number == 0:
            source, remote = writer.prelude, 0
        else:
            source = writer.last() if number == plan.cells - 1 else writer.cell()
        cells.append((source, remote))
        expected = reference.run(source)
        found = _attempt(notebook, source, remote=remote)
        if not _alike(expected, found, messages=plan.messages):
            return Difference(seed, cells, repr(expected), repr(found))
        writer.look(reference.main.__dict__)
    return None


def replay(
    cells: Cells, hosts: Hosts, *, messages: bool = True, trusted: bool = True
) -> tuple[str, str] | None:
    """Run given cells; return (expected, found) of the first that differs."""
    reference, notebook = Reference(), _notebook(hosts, trusted)
    for source, remote in cells:
        expected = reference.run(source)
        try:
            found = _attempt(notebook, source, remote=remote)
        except RefusedError:
            return None
        if not _alike(expected, found, messages=messages):
            return repr(expected), repr(found)
    return None


def shrink(
    difference: Difference, hosts: Hosts, *, messages: bool = True, trusted: bool = True
) -> Difference:
    """Return the same difference in a notebook that has only what it takes."""
    outcome = (difference.expected, difference.found)
    cells, outcome = shrunk(
        difference.cells, outcome, lambda c: replay(c, hosts, messages=messages, trusted=trusted)
    )
    return Difference(difference.seed, cells, *outcome)


def _notebook(hosts: Hosts, trusted: bool) -> Coherent:
    for host in hosts:
        host.restart()
    return Coherent(*hosts, trusted=trusted)


def _attempt(notebook: Coherent, source: str, *, remote: int) -> tuple[str, str]:
    try:
        return notebook.cell(source, remote=remote)
    except CannotTravelError as error:
        if not notebook.home.trusted:
            raise RefusedError(_reason(error)) from error
        return "", traceback.format_exc()
    except Exception:  # reported as a difference
        return "", traceback.format_exc()


def _reason(error: CannotTravelError) -> str:
    """Return why a cell was refused, without the names that differ from notebook to notebook."""
    _, _, reason = error.message.partition("cannot be copied: ")
    return reason or error.message


def _alike(expected: tuple[str, str], found: tuple[str, str], *, messages: bool) -> bool:
    """Compare output and error; without `messages`, of a failed cell its type of error alone."""
    if messages or not (expected[1] or found[1]):
        return expected == found
    return expected[1].partition(":")[0] == found[1].partition(":")[0]


def _host(kind: str, python: str) -> Any:
    return SameProcess() if kind == "same" else OtherProcess(python, ipython=kind == "ipython")


def main(arguments: list[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run many notebooks; return how many differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--notebooks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--host", choices=["same", "other", "ipython"], default="same")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--pandas", action="store_true")
    parser.add_argument("--plain", action="store_true", help="without numpy")
    parser.add_argument("--machines", type=int, default=1, help="besides this computer")
    parser.add_argument("--untrusted", action="store_true", help="take plain data alone")
    parser.add_argument("--cells", type=int, default=11)
    parser.add_argument("--families", default="", help="such as 'classes,flow'; else drawn")
    parser.add_argument("--shown", type=int, default=3, help="how many differences are shrunk")
    options = parser.parse_args(arguments)
    hosts = tuple(_host(options.host, options.python) for _ in range(options.machines))
    numpy = not options.plain and importlib.util.find_spec("numpy") is not None
    plan = Plan(
        options.cells,
        numpy,
        options.torch,
        options.pandas,
        trusted=not options.untrusted,
        families=tuple(options.families.split(",")) if options.families else (),
        messages=options.python == sys.executable,
    )
    differing: list[int] = []
    refused: Counter[str] = Counter()
    start = time.monotonic()
    for seed in range(options.seed, options.seed + options.notebooks):
        difference = check(seed, hosts, plan, refused)
        if difference is not None:
            differing.append(seed)
            if len(differing) <= options.shown:
                say(str(shrink(difference, hosts, messages=plan.messages, trusted=plan.trusted)))
    for host in hosts:
        host.close()
    took = time.monotonic() - start
    alike = options.notebooks - len(differing) - refused.total()
    say(f"{alike} of {options.notebooks} alike in {took:.0f} s")
    if refused:
        say(f"{refused.total()} refused:")
        for reason, count in refused.most_common():
            say(f"  {count} {reason}")
    if differing:
        say(f"seeds that differ: {differing[:50]}")
    return len(differing)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
