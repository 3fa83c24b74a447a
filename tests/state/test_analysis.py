"""What cells read, bind and delete, case by case."""

from __future__ import annotations

import ast
import builtins

import pytest

from jupyter_remote_gpu.state.analysis import Footprint, footprint

BUILTINS = frozenset(dir(builtins))

CASES = [
    ("y=model(x).sum()", {"model", "x"}, {"y"}),
    ("x=1\nprint(x)", set(), {"x"}),
    ("x+=1", {"x"}, {"x"}),
    ("a[0]=b", {"a", "b"}, set()),
    ("a.b.c=d", {"a", "d"}, set()),
    (
        "for batch in loader:\n    loss=f(batch)\nprint(loss)",
        {"loader", "f", "loss"},
        {"batch", "loss"},
    ),
    ("def g(): return big.mean()", set(), {"g"}),
    ("def g(): return big.mean()\ng()", {"big"}, {"g"}),
    ("def g(): return big\nlist(map(g,xs))", {"big", "xs"}, {"g"}),
    ("x=1\ndef g(): return x\ng()", set(), {"g", "x"}),
    ("def g(): return h()\ndef h(): return big\ng()", {"big"}, {"g", "h"}),
    ("[x*k for x in xs if x in ok]", {"xs", "k", "ok"}, set()),
    ("{k: v for k, v in d.items() for w in v if w == u}", {"d", "u"}, set()),
    ("f=lambda z: z+w", {"w"}, {"f"}),
    ("f=lambda z: [z+q for q in w if (lambda: q)()]", {"w"}, {"f"}),
    ("import numpy as np\nnp.zeros(n)", {"n"}, {"np"}),
    ("import a.b.c\na.b", set(), {"a"}),
    ("from math import *\nsin(x)", {"x", "sin"}, set()),
    ("try:\n    y=a\nexcept E as e:\n    y=e", {"a", "E"}, {"y", "e"}),
    ("try:\n    y=a\nfinally:\n    b()\nprint(y)", {"a", "b"}, {"y"}),
    ("with open(p) as fh:\n    t=fh.read()\nt", {"p"}, {"fh", "t"}),
    ("with suppress(E):\n    t=f()\nt", {"suppress", "E", "f", "t"}, {"t"}),
    ("del x, y[0]", {"y"}, set()),
    ("class A(Base):\n    k=K\n    m=k\n    def m(self): return G\n", {"Base", "K"}, {"A"}),
    ("class A(Base):\n    def m(self): return G\nA().m()", {"Base", "G"}, {"A"}),
    ("class A:\n    def m(self, n=N): return __class__", {"N"}, {"A"}),
    (
        "def f():\n    global cnt\n    cnt=1+start\nf()",
        {"start"},
        {"f", "cnt"},
    ),
    ("def f():\n    global cnt\n    cnt+=1\nf()", {"cnt"}, {"f", "cnt"}),
    ("if c:\n    x=1\nelse:\n    x=2\nprint(x)", {"c"}, {"x"}),
    ("if c:\n    x=1\nprint(x)", {"c", "x"}, {"x"}),
    ("if (n:=len(xs))>3: print(n)", {"xs"}, {"n"}),
    ("n + (n := 1)", {"n"}, {"n"}),
    ("eval('secret+1')", {"secret"}, set()),
    ("df.query('a > @limit')", {"df", "a", "limit"}, set()),
    ("globals()['secret']", {"secret"}, set()),
    ("Out[5].sum()", {"_5", "Out"}, set()),
    ("@deco\ndef f(): return q", {"deco", "q"}, {"f"}),
    ("r=await fetch(u)", {"fetch", "u"}, {"r"}),
    ("match cmd:\n    case [a,*rest]: print(a,rest,z)", {"cmd", "z"}, {"a", "rest"}),
    (
        "match cmd:\n    case P(x=v) if v > w: v\n    case {'k': k, **m}: k",
        {"cmd", "P", "w"},
        {"v"},
    ),
    (
        "def outer():\n    v=1\n    def inner(): return v+glob\n    return inner\nouter()()",
        {"glob"},
        {"outer"},
    ),
    (
        "def outer():\n  v=1\n  def inner():\n    nonlocal v\n    v=g\n  return inner\nouter()",
        {"g"},
        {"outer"},
    ),
    ("f'{x:{w}}'", {"x", "w"}, set()),
    ("x: int = y", {"y"}, {"x"}),
    ("x: T", {"T"}, set()),
    ("while t<n: t=step(t)", {"t", "n", "step"}, {"t"}),
    ("get_ipython().run_line_magic('timeit', 'f(x)')", {"get_ipython", "f", "x"}, set()),
    ("get_ipython().system('echo $name')", {"get_ipython", "echo", "name"}, set()),
    (
        "get_ipython().run_cell_magic('time', '', 'y=1\\nprint(y, z)')",
        {"get_ipython", "z"},
        {"y"},
    ),
    (
        "get_ipython().run_cell_magic('bash', '', 'echo $z | cat')",
        {"get_ipython", "echo", "z", "cat"},
        set(),
    ),
]


def analysed(source: str) -> Footprint:
    return footprint(ast.parse(source))


@pytest.mark.parametrize(("source", "reads", "binds"), CASES, ids=[c[0] for c in CASES])
def test_reads_and_binds(source: str, reads: set[str], binds: set[str]) -> None:
    found = analysed(source)
    assert found.reads - BUILTINS == reads
    assert found.binds >= binds


def test_deletes_need_existence_only() -> None:
    found = analysed("del x, y[0]")
    assert found.deletes == {"x"}
    assert found.reads == {"y"}


def test_shadowed_builtin_is_a_read() -> None:
    assert "list" in analysed("list(xs)").reads


def test_imports_are_listed() -> None:
    assert analysed("import a.b as c\nfrom d.e import f").imports == {"a.b", "d.e"}
