"""Small notebooks for what the differential test found, one for each cause."""

from __future__ import annotations

import importlib.util

import pytest

from tests.state.hosts import OtherProcess
from tests.state.notebook import played

NUMPY = importlib.util.find_spec("numpy") is not None
FOUND: dict[str, tuple[list[str], str]] = {
    "a name that a function had and a number has now": (
        ["def e(): pass\ne = 6\nl = [].append", "> print(e, 6)\ne = 7", "print(e)"],
        "7",
    ),
    "a class changed there, seen by its instances after other cells": (
        [
            "class S:\n    n = 0\ns = S()",
            "> print(s.n)",
            "> S.n = 5",
            "> 1",
            "x = [1]",
            "> x",
            "print(s.n)",
        ],
        "5",
    ),
    "the same, made there": (["> def e(): pass\ne = 6\nl = [].append", "print(e)"], "6"),
    "the same with a decorator": (
        ["> import functools\n@functools.lru_cache\ndef e(): pass\ne = [6]", "print(e)"],
        "[6]",
    ),
    "a name looked for in globals()": (
        ["x = [1]", "> print('x' in globals(), 'y' in dir(), globals().get('x'))"],
        "True False [1]",
    ),
    "a name looked for after it was deleted": (
        ["x = [1]", "> print('x' in globals())", "del x", "> print('x' in globals())"],
        "False",
    ),
    "a class that extends the older one of its name": (
        [
            "class P:\n    def f(self): return 'old'",
            "class P(P):\n    def g(self): return 'new'",
            "> print(P().f(), P().g(), len(P.__mro__))",
        ],
        "old new 3",
    ),
    "both of them in one cell": (
        [
            "class P:\n    def f(self): return 'old'\n"
            "class P(P):\n    def g(self): return 'new'\np = P()",
            "> print(p.f(), p.g(), type(p) is P)",
            "print(type(p) is P)",
        ],
        "True",
    ),
    "a base redefined after the class": (
        [
            "class P:\n    def f(self): return 'old'\nclass Q(P): pass",
            "class P:\n    def f(self): return 'new'",
            "> print(Q().f(), P().f(), issubclass(Q, P))",
        ],
        "old new False",
    ),
    "a base with a method of its subclass": (
        [
            "class P: pass\nclass Q(P):\n    def f(self): return type(self).__name__",
            "P.f = Q.f\ne = P()\nh = e.f",
            "> print(e.f(), h())",
        ],
        "P P",
    ),
    "data of a class whose name is another's by now": (
        [
            "class A: n = 1\na = A()",
            "class A: n = 5",
            "type(a).n = 3",
            "> print(type(a).n, A.n)\ntype(a).n = 4",
            "print(type(a).n, A.n)",
        ],
        "4 5",
    ),
    "a class whose statement reads what its data shares": (
        [
            "lst = [1]\nclass A:\n    shared = lst\n    size = len(lst)\na = A()\na.l = lst",
            "> A.shared.append(3)\nprint(A.size)",
            "print(lst, A.shared is lst is a.l, A.size)",
        ],
        "[1, 3] True 1",
    ),
    "functions that know each other": (
        [
            "def f(): pass\ndef g(): pass\nf.g, g.f = g, f",
            "> f.n = 1\nprint(f.g is g, g.f is f)",
            "print(g.f.n)",
        ],
        "1",
    ),
}
FOUND_WITH_NUMPY: dict[str, tuple[list[str], str]] = {
    "a masked array over an array": (
        [
            "import numpy as np\na = np.arange(3)\nm = np.ma.array(a, copy=False)",
            "> m[0] = 9\nprint(a, m.mask)",
            "a[1] = 7\nprint(m, m.mask is np.ma.nomask)",
        ],
        "[9 7 2] True",
    ),
    "a matrix over an array": (
        [
            "import numpy as np\na = np.arange(4)\nm = a.view(np.matrix)",
            "> m[0, 0] = 9",
            "print(a, type(m).__name__)",
        ],
        "[9 1 2 3] matrix",
    ),
    "a view of records": (
        [
            "import numpy as np\nr = np.rec.array([(1, 2.0)], names='a,b')\nv = r[:1]",
            "> r.a[0] = 7",
            "print(v.a, v[0].b, type(v).__name__)",
        ],
        "[7] 2.0 recarray",
    ),
    "generators that spawn": (
        [
            "import numpy as np\nr = np.random.default_rng(3)\ns = np.random.default_rng(3)\n"
            "o = np.random.RandomState(3)\np = np.random.RandomState(3)\nr.spawn(1)",
            "> o.rand(), o.standard_normal(), r.integers(9), r.spawn(1)",
            "s.spawn(2)\np.rand(), p.standard_normal(), s.integers(9)\n"
            "print(o.standard_normal() == p.standard_normal(), r.random() == s.random(),\n"
            "      r.spawn(1)[0].random() == s.spawn(1)[0].random())",
        ],
        "True True True",
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_found(machine: OtherProcess, case: str) -> None:
    cells, expected = FOUND[case]
    assert played(machine, cells) == expected


@pytest.mark.skipif(not NUMPY, reason="NumPy is not installed")
@pytest.mark.parametrize("case", FOUND_WITH_NUMPY)
def test_found_with_numpy(machine: OtherProcess, case: str) -> None:
    cells, expected = FOUND_WITH_NUMPY[case]
    assert played(machine, cells) == expected
