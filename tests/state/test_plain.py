"""Plain data: what goes in comes out, with identity and cycles; the rest is refused by name."""

from __future__ import annotations

import importlib.util
import pickle
from typing import Any

import pytest

from jupyter_remote_gpu.errors import CannotTravelError
from jupyter_remote_gpu.state.plain.simple import from_bytes, to_bytes
from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent

MAKE = """
import argparse, array, collections, dataclasses, datetime, decimal, enum, fractions, functools, io
import ipaddress, pathlib, random, re, types, typing, uuid, zoneinfo
class P:
    count = 0
    def __init__(self, v=None): self.v = v
    def hi(self): return self.v
    @classmethod
    def kind(cls): return cls.__name__
class Slots:
    __slots__ = ('a', 'b')
class Both(P):
    __slots__ = ('extra',)
class Word(str): pass
class Words(list): pass
class Table(dict): pass
class Oops(ValueError):
    def __init__(self, code, more):
        super().__init__(code)
        self.more = more
@dataclasses.dataclass(frozen=True)
class Point:
    x: int = 0
    y: int = 0
class Colour(enum.Enum):
    RED = 1
class Way(enum.Flag):
    IN = 1
    OUT = 2
class Row(typing.NamedTuple):
    a: int
    b: str = 'b'
Pair = collections.namedtuple('Pair', 'left right')
def f(a, b=[1]): return a, b
def make():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    return up
def with_slots():
    s = Slots(); s.a = 1
    return s
def both():
    b = Both(5); b.extra = 'e'
    return b
"""
SHOWN: dict[str, str | tuple[str, str]] = {
    "numbers": ("[1, -2 ** 70, 2.5, -0.0, 1j, True, None, ...]", "x"),
    "texts": (r"['', 'ü\ud800', 'a' * 300, b'', b'\x00', bytearray(b'q')]", "x"),
    "ranges": "range(1, 9, 2), slice(1, None, 2)",
    "sets": "{1, 2}, frozenset([3])",
    "times": "datetime.datetime(2020, 1, 2, 3, fold=1), datetime.date(2020, 1, 2), "
    "datetime.time(3, 4, tzinfo=datetime.timezone.utc), datetime.timedelta(1, 2, 3), "
    "datetime.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))",
    "decimals": "decimal.Decimal('1.50'), fractions.Fraction(1, 3), uuid.UUID(int=7)",
    "paths": "pathlib.Path('a/b'), pathlib.PureWindowsPath('c:/x'), ipaddress.ip_address('::1')",
    "collections": "collections.OrderedDict(b=1, a=2), collections.Counter('aab'), "
    "collections.defaultdict(list, {1: [2]}), collections.deque([1, 2], 5)",
    "patterns": "re.compile('a(b)', re.I)",
    "streams": ("io.StringIO('abc')", "x.getvalue(), x.tell()"),
    "an array": "array.array('d', [1.5])",
    "namespaces": "types.SimpleNamespace(a=1), argparse.Namespace(b=2)",
    "a random generator": ("random.Random(5)", "x.random()"),
    "an instance": ("P([1])", "type(x) is P, x.v"),
    "slots": ("with_slots()", "x.a, hasattr(x, 'b')"),
    "slots and attributes": ("both()", "x.v, x.extra"),
    "words": ("Word('a')", "x, type(x) is Word"),
    "lists of a class": ("Words([1, 2])", "x, type(x) is Words"),
    "dictionaries of a class": ("Table(a=1)", "x, type(x) is Table"),
    "an exception": ("Oops(3, 'more')", "repr(x), x.more, type(x) is Oops"),
    "library exceptions": "KeyError('k'), OSError(2, 'no', 'file'), StopIteration(5)",
    "a dataclass": ("{Point(1, 2): 'p'}", "x, Point(1, 2) in x"),
    "members": ("[Colour.RED, Way.IN | Way.OUT]", "x[0] is Colour.RED, x[1] == Way.IN | Way.OUT"),
    "named tuples": ("[Row(1), Pair(1, [2])]", "x, type(x[0]) is Row"),
    "a class": ("[P, int, Colour]", "x[0] is P, x[1] is int, x[2] is Colour"),
    "a function": ("[f, len]", "x[0] is f, x[1] is len"),
    "a closure": ("(lambda up: (up(), up))(make())[1]", "x(), x()"),
    "a lambda": ("lambda a, k=[1]: (a, k)", "x(2)"),
    "a partial": ("functools.partial(f, 1, b=2)", "x()"),
    "methods": ("P(4).hi", "x(), x.__self__.v"),
    "a class method": ("P.kind", "x()"),
    "a method of a list": ("[1].append", "x(2), x.__self__"),
}
NUMPY: dict[str, str | tuple[str, str]] = {
    "arrays": "np.arange(6).reshape(2, 3), np.zeros((0, 3)), np.array(5), np.array(['a', 'bc'])",
    "a transposed array": ("np.arange(6.).reshape(2, 3).T", "x, x.flags.f_contiguous"),
    "records": "np.zeros(2, dtype=[('a', '<i4'), ('b', '<f8', (2,))])",
    "objects": ("np.array([1, 'a', [2]], dtype=object)", "x.tolist(), x.dtype"),
    "numbers of numpy": "np.float32(1.5), np.int8(3), np.bool_(True), np.datetime64('2020-01-02')",
    "element types": "np.dtype('<f4'), np.dtype([('a', 'i4')])",
    "masks": "np.ma.array([1, 2], mask=[0, 1])",
    "record arrays": ("np.rec.array([(1, 2.0)], dtype=[('a', 'i4'), ('b', 'f8')])", "x.a, x.b"),
    "matrices": ("np.asmatrix(np.eye(2))", "x * x, type(x).__name__, x.dtype"),
    "generators": ("np.random.default_rng(3)", "x.random(3), x.spawn(1)[0].random()"),
    "an old generator": ("np.random.RandomState(3)", "x.rand(2), x.randn()"),
    "read-only": ("np.broadcast_to(np.arange(3), (2, 3))", "x, x.flags.writeable"),
}
TORCH: dict[str, str | tuple[str, str]] = {
    "tensors": "torch.arange(6.).reshape(2, 3).t(), torch.tensor(5), torch.zeros(0, 3)",
    "bfloat16": "torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.complex64)",
    "a parameter": ("torch.nn.Parameter(torch.ones(2))", "x, x.requires_grad, type(x).__name__"),
    "kinds": "torch.float32, torch.device('cpu'), torch.Size([1, 2]), torch.strided",
    "sparse tensors": "torch.eye(3).to_sparse()",
    "results": "torch.max(torch.eye(2), 0)",
    "a model": (
        "torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())",
        "x(torch.ones(1, 2)).shape, len(list(x.parameters()))",
    ),
    "a recurrent model": ("torch.nn.LSTM(2, 3)", "x(torch.ones(1, 1, 2))[0].shape"),
    "attention": ("torch.nn.TransformerEncoderLayer(4, 2)", "x.activation.__name__"),
    "an optimiser": (
        "torch.optim.Adam([torch.nn.Parameter(torch.ones(2))], lr=0.5)",
        "x.param_groups[0]['lr'], x.zero_grad(), x.step()",
    ),
    "a loader": (
        "torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.arange(4.)), 2)",
        "list(x)",
    ),
    "a generator": ("torch.Generator().manual_seed(5)", "torch.rand(1, generator=x)"),
}
PANDAS: dict[str, str | tuple[str, str]] = {
    "a frame": "pd.DataFrame({'a': [1, 2], 'b': [.5, None], 'c': ['x', None], 'd': [[1], 'o']})",
    "kinds of columns": "pd.DataFrame({'c': pd.Categorical(['u', 'v']), "
    "'t': pd.to_datetime(['2020', '2021']).tz_localize('UTC'), 'i': pd.array([1, None], 'Int64'), "
    "'p': pd.period_range('2020', periods=2), 'd': pd.to_timedelta([1, 2])})",
    "series": "pd.Series([1, 2], name='s', index=['a', 'b']), pd.Series(['a', None])",
    "indexes": "pd.RangeIndex(4), pd.date_range('2020', periods=3), pd.interval_range(0, 2), "
    "pd.MultiIndex.from_product([[1, 2], ['a', 'b']], names=['i', 'j'])",
    "times of pandas": "pd.Timestamp('2020', tz='UTC'), pd.Timedelta('1h'), pd.NaT, pd.NA",
}


def cases() -> list[Any]:
    """Return each case with what it needs."""
    found = []
    for needs, table in (("", SHOWN), ("numpy", NUMPY), ("torch", TORCH), ("pandas", PANDAS)):
        missing = bool(needs) and importlib.util.find_spec(needs) is None
        mark = pytest.mark.skipif(missing, reason=f"needs {needs}")
        alias = {"numpy": "np", "pandas": "pd", "torch": "torch", "": ""}[needs]
        setup = f"import {needs} as {alias}" if needs else ""
        for name, case in table.items():
            made, look = (case, "x") if isinstance(case, str) else case
            found.append(pytest.param(setup, made, look, id=name, marks=mark))
    return found


@pytest.fixture(scope="module")
def machine() -> Any:
    host = OtherProcess()
    yield host
    host.close()


@pytest.fixture
def notebook(machine: OtherProcess, monkeypatch: pytest.MonkeyPatch) -> Coherent:
    """A notebook whose machine is honest but not trusted: any unpickling here fails the test."""

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a pickle was loaded at home")

    machine.restart()
    made = Coherent(machine, trusted=False)
    monkeypatch.setattr(pickle, "loads", never)
    monkeypatch.setattr(pickle, "load", never)
    monkeypatch.setattr("jupyter_remote_gpu.state.pickling._DataUnpickler", never)
    return made


def shown(notebook: Coherent, source: str) -> str:
    out, error = notebook.here(source)
    assert error == "", error
    return out


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of matrices
@pytest.mark.parametrize(("setup", "made", "look"), cases())
def test_comes_back_as_it_was(notebook: Coherent, setup: str, made: str, look: str) -> None:
    shown(notebook, f"{setup}\n{MAKE}")
    expected, error = notebook.there(f"x = {made}\nprint(x.__class__)")
    assert error == ""
    look = f"[{look}]"
    found = shown(
        notebook,
        f"print(x.__class__)\nfound = repr({look})\nx = {made}\n"
        f"print(found == repr({look}) or found)",
    )
    assert found == f"{expected}True\n"


def test_identity_and_cycles_are_kept(notebook: Coherent) -> None:
    shown(notebook, MAKE)
    notebook.there(
        "a = [1]; b = {'a': a, 'again': a}; a.append(b); t = ([],); t[0].append(t)\n"
        "p = P(); p.me = p; p.f = p.hi; q = (p, a)"
    )
    assert (
        shown(
            notebook,
            "print(b['a'] is a, b['again'] is a, a[1] is b, t[0][0] is t, p.me is p, "
            "p.f.__self__ is p, q[0] is p, q[1] is a)",
        )
        == "True " * 7 + "True\n"
    )


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
def test_shared_memory_is_kept(notebook: Coherent) -> None:
    shown(notebook, "import torch, numpy as np")
    notebook.there(
        "t = torch.zeros(6); v = t[2:]; n = t.numpy(); a = np.zeros(4); w = a[::2]\n"
        "lin = torch.nn.Linear(2, 2); tied = torch.nn.Linear(2, 2); tied.weight = lin.weight\n"
        "opt = torch.optim.SGD(lin.parameters(), 0.1, momentum=.9)\n"
        "lin(torch.ones(1, 2)).sum().backward(); opt.step()"
    )
    assert (
        shown(
            notebook,
            "t[3] = 5; a[2] = 7\nprint(v[1].item(), n[3].item(), w[1].item(), "
            "tied.weight is lin.weight, opt.param_groups[0]['params'][0] is lin.weight, "
            "lin.weight.grad.tolist(), "
            "lin.weight in opt.state)",
        )
        == "5.0 5.0 7.0 True True [[1.0, 1.0], [1.0, 1.0]] True\n"
    )


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("__import__('os').system", "system was not typed in this notebook"),
        ("print", "print was not typed in this notebook"),
        ("__import__('json').JSONEncoder()", "JSONEncoder is rebuilt by its library's own code"),
        ("Finalized()", "__del__"),
        ("{Hashed(): 1}", "__hash__"),
        ("[__import__('json')]", "module json"),
        ("(i for i in [])", "generator"),
    ],
)
def test_the_rest_stays_there_by_name(notebook: Coherent, made: str, reason: str) -> None:
    shown(
        notebook,
        "class Finalized:\n    def __del__(self): pass\n"
        "class Hashed:\n    def __hash__(self): return 1",
    )
    notebook.there(f"x = {made}")
    before = dict(notebook.names)
    with pytest.raises(CannotTravelError, match=reason):
        notebook.here("x")
    assert {n: notebook.names[n] for n in before} == before
    assert notebook.there("print(type(x) is not None)") == ("True\n", "")


def test_classes_and_modules_of_remote_cells(notebook: Coherent) -> None:
    notebook.there("import json as j, os.path as p\nfrom collections import OrderedDict as od")
    notebook.there("class K:\n    n = 1\nk = K(); k.v = 5\nK.n = 7")
    assert shown(notebook, "print(j.dumps(1), p.basename('a/b'), k.v, K.n, type(k) is K)") == (
        "1 b 5 7 True\n"
    )


def test_class_data_comes_back(notebook: Coherent) -> None:
    shown(notebook, MAKE)
    notebook.there("P.count = 5\nP.more = [1]")
    assert shown(notebook, "print(P.count, P.more)") == "5 [1]\n"


@pytest.mark.parametrize(
    "value", [None, 1, -(2**80), 2.5, "a", b"b", [1, [2, (3, {"a": None})]], {(1, 2): [True]}]
)
def test_simple_values(value: Any) -> None:
    assert from_bytes(to_bytes(value)) == value


def test_deep_and_long_values() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    found = from_bytes(to_bytes(deep))
    depth = 0
    while found:
        found, depth = found[0], depth + 1
    assert depth == 100_000
    assert from_bytes(to_bytes(list(range(100_000)))) == list(range(100_000))
