"""The pitfalls of one namespace on two machines, one by one: what must happen with each.

The other side is a process of its own, so nothing is shared by accident. Each
case is cells (`>` runs there, anything else here) whose last output is given.
"""

from __future__ import annotations

import sys

import pytest

from jupyter_remote_gpu.errors import CannotTravelError
from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent

CLASSES = """
import dataclasses, enum, typing, collections, abc, functools
class Base:
    def hi(self): return 'base'
class Sub(Base):
    n = 0
    seen = []
    def hi(self): return super().hi() + '+sub'
@dataclasses.dataclass(frozen=True)
class Cfg:
    lr: float = 0.1
    tags: list = dataclasses.field(default_factory=list)
class Colour(enum.Enum):
    RED = 1
class Row(typing.NamedTuple):
    x: int
    y: int = 2
Pt = collections.namedtuple('Pt', 'a b')
class Registry(type):
    made = []
    def __new__(m, n, b, d):
        c = super().__new__(m, n, b, d)
        Registry.made.append(n)
        return c
class Plug(metaclass=Registry):
    pass
"""


CASES: dict[str, tuple[list[str], str]] = {
    "1 two names, one list": (["a = b = []", "> b.append(1)", "print(a, a is b)"], "[1] True"),
    "8 closures sharing a variable": (
        [
            "def mk():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n"
            "        return n"
            "\n    return inc, lambda: n\ninc, get = mk()",
            "> inc(); inc()",
            "inc(); print(get())",
        ],
        "3",
    ),
    "9 bound built-in method": (
        ["import functools\nl = []\np = functools.partial(l.append, 8)", "> p()", "print(l)"],
        "[8]",
    ),
    "14 global statement": (
        ["n = 0\ndef f():\n    global n\n    n += 1", "> f(); f()", "f(); print(n)"],
        "3",
    ),
    "16 modules by name": (
        ["> import json as j, os.path as p", "print(j.dumps([1]), p.basename('a/b'))"],
        "[1] b",
    ),
    "16 submodule": (
        ["import os.path", "> print(os.path.basename('a/b'))"],
        "b",
    ),
    "17 words in eval": (["> x = 5", "print(eval('x + 1'))"], "6"),
    "19 names with an underscore": (["> _tmp = 3", "print(_tmp)"], "3"),
    "21 del there of a name only here": (
        ["x = 1", "> del x", "print('x' in globals())"],
        "False",
    ),
    "21 del there of a name that went there": (
        ["x = [1]", "> print(x)", "> del x", "print('x' in globals())"],
        "False",
    ),
    "21 del here of a name that is there": (
        ["> x = [1]", "del x", "> print('x' in globals())"],
        "False",
    ),
    "22 rebound after a mutation": (
        ["a = [1]\nc = a", "> a += [5]\na = 0", "print(a, c)"],
        "0 [1, 5]",
    ),
    "23 shadowed built-in": (["list = [1]", "> list.append(2)", "print(list)"], "[1, 2]"),
    "25 walrus and with": (
        [
            "> import contextlib\nwith contextlib.nullcontext(3) as w: pass\nif (v := w): pass",
            "print(v, w)",
        ],
        "3 3",
    ),
    "28 class redefined, old instance alive": (
        [
            CLASSES + "s = Sub()",
            "> print(s.hi())",
            "class Sub(Base):\n    def hi(self): return 'new'",
            "> print(Sub().hi(), s.hi(), isinstance(s, Sub))",
        ],
        "new base+sub False",
    ),
    "28 class redefined there": (
        [
            CLASSES + "s = Sub()",
            "> class Sub(Base):\n    def hi(self): return 'new'\nt = Sub()",
            "print(t.hi(), s.hi(), isinstance(s, Sub), type(t) is Sub)",
        ],
        "new base+sub False True",
    ),
    "28 old instance first seen there later": (
        [
            "class A:\n    def f(self): return 1\na = A()",
            "class A:\n    def f(self): return 2",
            "> print(a.f(), A().f())",
            "print(a.f(), type(a) is A)",
        ],
        "1 False",
    ),
    "29-33 classes of all kinds": (
        [
            CLASSES + "s, c, r, p, q = Sub(), Cfg(tags=['a']), Row(1), Pt(1, 2), Plug()",
            "> print(s.hi(), c, r, p, type(q).__name__, Registry.made, isinstance(s, Base))",
        ],
        "base+sub Cfg(lr=0.1, tags=['a']) Row(x=1, y=2) Pt(a=1, b=2) Plug ['Plug'] True",
    ),
    "30 enum members are singletons": (
        [
            CLASSES + "e = Colour.RED",
            "> f = Colour.RED\nprint(e is Colour.RED)",
            "print(f is Colour.RED, e is f)",
        ],
        "True True",
    ),
    "34 class attributes": (
        [
            CLASSES,
            "> Sub.n = 7; Sub.seen.append(1); Sub.extra = 2",
            "print(Sub.n, Sub.seen, Sub.extra)",
        ],
        "7 [1] 2",
    ),
    "34 class attributes outward": (
        [CLASSES, "> Sub()", "Sub.n = 9", "> print(Sub.n)"],
        "9",
    ),
    "34 class attribute deleted": (
        [CLASSES, "> del Sub.n", "print(hasattr(Sub, 'n'))"],
        "False",
    ),
    "35 decorated functions": (
        [
            "import functools\n@functools.lru_cache\ndef f(x): return x * 2\nf(3)",
            "> print(f(4))",
            "> @functools.lru_cache\ndef g(x): return f(x) + 1",
            "print(g(1), g.cache_info().misses)",
        ],
        "3 1",
    ),
    "35 decorator of the notebook keeps its state": (
        [
            "def count(f):\n    calls = []\n    def w(*a):\n        calls.append(1)\n"
            "        return f(*a), len(calls)\n    return w\n@count\ndef f(x): return x",
            "> f(1)",
            "print(f(2))",
        ],
        "(2, 2)",
    ),
    "37 method replaced": (
        [
            "class A:\n    def f(self): return 1\na = A()",
            "> print(a.f())",
            "def g(self): return 2\nA.f = g",
            "> print(a.f())",
        ],
        "2",
    ),
    "39 defaults are data": (
        ["import itertools\nc = itertools.count()\ndef f(t=next(c)): return t", "> print(f())"],
        "0",
    ),
    "40 two lambdas on one line": (
        ["f, g = (lambda: 1), (lambda: 2)", "> print(f(), g())"],
        "1 2",
    ),
    "41 functions made in a loop": (
        [
            "fs = []\nfor i in range(3):\n    def f(i=i): return i\n    fs.append(f)",
            "> print([f() for f in fs])\nfs.append(lambda: 9)",
            "print([f() for f in fs])",
        ],
        "[0, 1, 2, 9]",
    ),
    "42 source is found there": (
        ["def f():\n    return 41 + 1", "> import inspect\nprint(inspect.getsource(f).strip())"],
        "def f():\n    return 41 + 1",
    ),
    "recursive function": (
        [
            "def mk():\n    def fac(n): return 1 if n < 2 else n * fac(n - 1)\n"
            "    return fac\nf = mk()",
            "> print(f(5))",
            "print(f(6))",
        ],
        "720",
    ),
    "functions calling each other": (
        [
            "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n > 0 and even(n - 1)",
            "> print(even(10), odd(7))",
        ],
        "True True",
    ),
    "a function used as a value twice": (
        [
            "def f(): return k\nk = 1\nh = {'f': f}\ng = f",
            "> k = 2\nprint(h['f'](), g is f, h['f'] is f)",
        ],
        "2 True True",
    ),
    "75 properties and statics": (
        [
            "class A:\n    @property\n    def p(self): return K\n    @staticmethod\n"
            "    def s(): return K\n"
            "    @classmethod\n    def c(cls): return cls.__name__\nK = 3\na = A()",
            "> print(a.p, A.s(), a.c())",
        ],
        "3 3 A",
    ),
    "79 huge int": (["x = 10 ** 6000", "> y = x + 1", "print(y - x)"], "1"),
    "80 long string": (["x = 'ab' * 3_000_000", "> y = x + 'c'", "print(len(y))"], "6000001"),
    "81 exceptions": (
        [
            "class E(ValueError):\n    def __init__(self, code, msg='m'):\n"
            "        super().__init__(code, msg)"
            "\n        self.code = code\ne = E(3)",
            "> f = E(4)\nprint(e.code)",
            "print(f.code, type(f) is E)",
        ],
        "4 True",
    ),
    "nested classes": (
        [
            "class Outer:\n    class In:\n        def __init__(self): self.v = 1\nx = Outer.In()",
            "> y = Outer.In()\nprint(type(x) is Outer.In)",
            "print(type(y) is Outer.In)",
        ],
        "True",
    ),
    "generic alias and typing": (
        [
            "import typing\nT = typing.TypeVar('T')\nclass Box(typing.Generic[T]):\n"
            "    def __init__(self, v): "
            "self.v = v\nb = Box(1)",
            "> c = Box(b.v + 1)",
            "print(c.v, type(c) is Box)",
        ],
        "2 True",
    ),
    "slots and abc": (
        [
            "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n"
            "    def f(self): ...\nclass S(A):\n"
            "    __slots__ = ('a',)\n    def __init__(self): self.a = 1\n"
            "    def f(self): return self.a\ns = S()",
            "> s.a = 5\nt = S()",
            "print(s.f(), t.f(), isinstance(t, A))",
        ],
        "5 1 True",
    ),
    "cyclic objects": (
        [
            "class N: pass\na, b = N(), N()\na.b, b.a = b, a",
            "> c = a.b.a\na.v = 1",
            "print(c is a, b.a.v)",
        ],
        "True 1",
    ),
    "61 random states": (
        [
            "import random\nrandom.seed(1)",
            "> x = random.random()",
            "y = random.random()\n"
            "random.seed(1)\nprint((x, y) == (random.random(), random.random()))",
        ],
        "True",
    ),
    "99 environment": (
        [
            "import os\nos.environ['MY_MODE'] = 'fast'",
            "> print(os.environ['MY_MODE'])\nos.environ['MY_MODE'] = 'slow'",
            "print(os.environ.pop('MY_MODE'))",
        ],
        "slow",
    ),
    "99 secrets stay": (
        ["import os\nos.environ['MY_API_KEY'] = 'x'", "> print(os.environ.get('MY_API_KEY'))"],
        "None",
    ),
    "warning filters": (
        [
            "import warnings\nwarnings.filterwarnings('ignore', 'hush')",
            "> print(warnings.filters[0][1].pattern)",
        ],
        "hush",
    ),
    "results": (["> _5 = [1]\n_ = _5", "_.append(2)\nprint(_5)"], "[1, 2]"),
}


@pytest.fixture
def notebook(machine: OtherProcess) -> Coherent:
    machine.restart()
    return Coherent(machine)


def played(notebook: Coherent, cells: list[str]) -> str:
    """Run cells and return what the last one printed; an error fails the test."""
    out = ""
    for cell in cells:
        remote = cell.startswith("> ")
        out, error = notebook.cell(cell[2:] if remote else cell, remote=remote)
        assert not error, (cell, error)
    return out.strip()


@pytest.mark.parametrize("case", CASES)
def test_case(notebook: Coherent, case: str) -> None:
    cells, expected = CASES[case]
    assert played(notebook, cells) == expected


STAYS_HERE = {
    "49 generator": "x = (i for i in range(3))",
    "50 open file": "x = open('/dev/null')",
    "51 lock": "import threading\nx = threading.Lock()",
    "51 thread": "import threading\nx = threading.Thread()",
    "52 database": "import sqlite3\nx = sqlite3.connect(':memory:')",
    "52 socket": "import socket\nx = socket.socket()",
    "75 weak reference": "import weakref\nclass A: pass\na = A()\nx = weakref.ref(a)",
    "77 context variable": "import contextvars\nx = contextvars.ContextVar('x')",
    "76 temporary folder": "import tempfile\nx = tempfile.TemporaryDirectory()",
    "the namespace itself": "x = globals()",
    "inside a list": "import threading\nx = [threading.Lock()]",
}


@pytest.mark.parametrize("case", STAYS_HERE)
def test_refused_before_it_runs(notebook: Coherent, case: str) -> None:
    played(notebook, [STAYS_HERE[case], "y = 1"])
    with pytest.raises(CannotTravelError, match=r"This cell was not sent. It needs x \("):
        notebook.there("y = 2\nprint(x)")
    assert notebook.here("print(y)") == ("1\n", "")
    notebook.here("getattr(x, 'close', getattr(x, 'cleanup', int))()\ndel x")


@pytest.mark.parametrize("case", [c for c in STAYS_HERE if c != "75 weak reference"])
def test_stays_there(notebook: Coherent, case: str) -> None:
    played(notebook, ["> " + STAYS_HERE[case]])
    with pytest.raises(CannotTravelError, match=r"x \(.* was made on gpu1 and cannot be copied"):
        notebook.here("print(x)")
    played(notebook, ["> print(type(x).__name__)", "x = 5", "> print(x)"])


def test_a_function_that_may_use_what_stays_still_goes(notebook: Coherent) -> None:
    played(
        notebook,
        [
            "import threading\nlock = threading.Lock()\ndef f(x):\n"
            "    return x if x else lock.locked()"
        ],
    )
    assert notebook.there("print(f(1))") == ("1\n", "")
    _, error = notebook.there("f(0)")
    assert error.startswith("ElsewhereError: lock: The newest value of lock is on the notebook's")


def test_hidden_use_of_a_remote_value_says_so(notebook: Coherent) -> None:
    played(notebook, ["k = 'secret'", "> secret = [1]"])
    out, error = notebook.here("v = globals()[k]\nv.append(2)")
    assert out == ""
    assert error.startswith("ElsewhereError: secret: The newest value of secret is on gpu1")
    assert "Mention secret in the cell" in error
    assert repr(notebook.names["secret"]) == (
        "<secret: list, 1 element; newest on gpu1; a cell that mentions it fetches it>"
    )


def test_partial_effects_of_a_failed_cell_count(notebook: Coherent) -> None:
    played(notebook, ["x = [1]"])
    assert notebook.there("x.append(2)\ny = 1\n1/0\nz = 2")[1].startswith("ZeroDivisionError")
    assert played(notebook, ["print(x, y, 'z' in globals())"]) == "[1, 2] 1 False"


def test_what_is_not_mentioned_does_not_move(notebook: Coherent, machine: OtherProcess) -> None:
    before = machine.bytes
    played(notebook, ["big = bytearray(3_000_000)\ndef f(): return big", "> x = 1\ndel x"])
    played(notebook, ["def g(): return big", "> def h(): return big"])
    assert machine.bytes == before


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="C recursion cannot be raised there")
def test_deep_nesting_travels(notebook: Coherent) -> None:
    cells = [
        "x = []\nfor _ in range(5000): x = [x]",
        "> y = x",
        "n = 0\nwhile y: y, n = y[0], n + 1",
    ]
    played(notebook, cells)
    assert played(notebook, ["print(n)"]) == "5000"


def test_loss_names_what_is_gone_and_offers_the_older(notebook: Coherent) -> None:
    played(notebook, ["a, b = [1], [2]", "> a.append(5)\nc = b[0]", "d = 4"])
    losses = notebook.home.lost()
    assert (losses.lost, losses.older, losses.kept) == (("a", "c"), ("a",), ("b",))
    with pytest.raises(Exception, match="newest value of a went with the remote Python on gpu1"):
        notebook.here("print(a)")
    assert notebook.home.recover(["a", "c"]) == ("a",)
    notebook.host.restart()
    assert played(notebook, ["> b.append(3)\nprint(a, b)", "print(a, b)"]) == "[1] [2, 3]"
