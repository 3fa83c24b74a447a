"""Heads changed at random: our errors or a value, never a crash, a hang or a call."""

from __future__ import annotations

import importlib.util
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.plain.decoder import decode
from jupyter_remote_gpu.state.plain.encoder import encode
from jupyter_remote_gpu.state.plain.layout import Layout
from jupyter_remote_gpu.state.plain.memories import Departing
from jupyter_remote_gpu.state.plain.parts import Surroundings
from tests.state.hostile.conftest import WATCH

SETUP = """
import collections, datetime, decimal, enum, functools, dataclasses, re, uuid, random
class P:
    def __init__(self): self.a = [1]
    def hi(self): return 1
class L(list): pass
@dataclasses.dataclass(frozen=True)
class D:
    x: int = 1
class E(enum.Enum):
    A = 1
def f(a, b=(1, 2)): return a
def make():
    n = []
    return lambda: n
shared = [1, 'a', 2.5, None]
p = P(); p.me = p; p.shared = shared
value = {
    'a': shared, 'b': (shared, p), 1: {2, 3}, (1, 'x'): frozenset('ab'), 'big': 10 ** 50,
    'd': datetime.datetime(2020, 1, 1), 'dec': decimal.Decimal('1.5'), 'e': E.A, 'data': D(3),
    'l': L([1, 2]), 'f': f, 'make': make(), 'part': functools.partial(f, 1), 'm': p.hi,
    'od': collections.OrderedDict(a=1), 'dd': collections.defaultdict(list, a=[1]),
    'c': collections.Counter('aab'), 'q': collections.deque([1], 3), 're': re.compile('a+'),
    'u': uuid.UUID(int=5), 'ex': ValueError('x'), 'r': random.Random(1), 'ints': list(range(50)),
    'floats': [0.5] * 20, 'by': b'abc', 'ba': bytearray(b'abc'), 'sl': slice(1, 2), 'K': P,
}
"""
HEAVY = """
import numpy as np
value['arr'] = np.arange(20.).reshape(4, 5); value['view'] = value['arr'][:, 1]
value['obj'] = np.array([1, 'a', None], dtype=object); value['sc'] = np.float32(3)
value['rec'] = np.zeros(2, dtype=[('a', 'i4'), ('b', 'f8', (2,))])
value['g'] = np.random.default_rng(1)
"""
TORCH = """
import torch
value['t'] = torch.arange(6.).reshape(2, 3); value['tv'] = value['t'].t()
value['lin'] = torch.nn.Linear(2, 2); value['opt'] = torch.optim.Adam(value['lin'].parameters())
value['sp'] = torch.eye(3).to_sparse()
"""
PANDAS = """
import pandas as pd
value['df'] = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pd.Categorical(['u', 'v'])})
value['ts'] = pd.date_range('2020', periods=3)
value['mi'] = pd.MultiIndex.from_product([[1], ['a']])
"""


class Sample:
    """A valid head, its buffers, and the notebook that it belongs to."""

    def __init__(self) -> None:
        names: dict[str, Any] = {"__name__": "__main__"}
        source = SETUP
        for module, more in (("numpy", HEAVY), ("torch", TORCH), ("pandas", PANDAS)):
            source += more if importlib.util.find_spec(module) else ""
        from jupyter_remote_gpu.protocol.state import Cell
        from jupyter_remote_gpu.state.code import ident_of

        cells = Cells()
        cells.add(Cell(1, ident_of(source), "<fuzz>", source))
        exec(compile(source, "<fuzz>", "exec"), names)
        self.around = Surroundings(names, cells, names.get)
        memory = Departing([], {}, {})
        self.head = encode(names["value"], self.around, memory)
        self.buffers = [bytes(b) for b in memory.buffers]

    def decode(self, head: bytes) -> bool:
        """Decode a head; return whether it was taken. Any error that is not ours fails the test."""
        WATCH.events.clear()
        WATCH.active = True
        try:
            decode(head, [bytearray(b) for b in self.buffers], self.around)
        except RemoteGPUError:
            return False
        finally:
            WATCH.active = False
        return True


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample()


def flip(head: bytes, dice: random.Random) -> bytes:
    """Change bytes anywhere."""
    changed = bytearray(head)
    for _ in range(dice.choice([1, 1, 2, 5])):
        changed[dice.randrange(len(changed))] = dice.choice([0, 1, 255, dice.randrange(256)])
    return bytes(changed)


def cut(head: bytes, dice: random.Random) -> bytes:
    """Leave out or double a stretch."""
    start = dice.randrange(len(head))
    end = min(len(head), start + dice.randrange(1, 64))
    return head[:start] + head[start:end] * dice.choice([0, 2]) + head[end:]


def rewire(head: bytes, dice: random.Random) -> bytes:
    """Change references, so that every kind meets parts of every other."""
    layout = Layout.unpack(head)
    code = layout.code
    for _ in range(dice.choice([1, 1, 2, 8])):
        code[dice.randrange(len(code))] = dice.choice(
            [dice.choice(code), dice.randrange(-60, 60), dice.choice([-1, 0, 1 << 30, -(1 << 31)])]
        )
    return layout.pack()


def renumber(head: bytes, dice: random.Random) -> bytes:
    """Change numbers: sizes, shapes, strides, counts, times."""
    layout = Layout.unpack(head)
    section: Any = dice.choice([layout.ints, layout.whole, layout.lengths])
    for _ in range(dice.choice([1, 1, 3])):
        section[dice.randrange(len(section))] = dice.choice(
            [-1, 0, 1, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63), dice.randrange(100)]
        )
    return layout.pack()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("change", [flip, cut, rewire, renumber], ids=lambda c: c.__name__)
def test_changed_heads(
    sample: Sample, change: Callable[[bytes, random.Random], bytes], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    dice = random.Random(20261122)
    assert sample.decode(sample.head)
    taken, slowest = 0, 0.0
    for _ in range(700):
        head = change(sample.head, dice)
        start = time.process_time()
        taken += sample.decode(head)
        slowest = max(slowest, time.process_time() - start)
        assert WATCH.events == []
    assert 0 < taken < 700 or change is cut
    assert slowest < 20  # a hang, not a stopwatch
