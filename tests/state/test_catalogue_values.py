"""The catalogue's cases on names, definitions and values that `test_catalogue.py` leaves out.

Each begins with its number in the list of pitfalls; `catalogue.py` maps them all.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import CannotTravelError
from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent, played

PLAIN: dict[str, tuple[list[str], str]] = {
    "5 equal small values do not link": (
        ["a = b = 'k'\nx, y = {'k': 1}, {'k': 1}", "> x['k'] = 2\nb += '!'", "print(a, b, x, y)"],
        "k k! {'k': 2} {'k': 1}",
    ),
    "10 globals of a function that is mentioned": (
        [
            "import functools\nk = [1]\nclass A:\n    def m(self): return k\n"
            "f = functools.partial(A().m)",
            "> f().append(2)",
            "print(k)",
        ],
        "[1, 2]",
    ),
    "13 an augmented assignment reads": (["x = 1", "> x += 1", "x += 1\nprint(x)"], "3"),
    "15 star import there": (
        ["> from math import *", "print(round(pi, 2), int(sqrt(9)))"],
        "3.14 3",
    ),
    "24 bound under a condition": (
        ["x = 1\nc = False", "> if c: x = 2\nprint(x)", "print(x)"],
        "1",
    ),
    "26 annotations are read": (
        ["T = int", "> y: T = 3\nprint(__annotations__['y'])"],
        "<class 'int'>",
    ),
    "27 future flags go with the code": (
        ["from __future__ import annotations\ndef f(x: nothing): return x", "> print(f(2))"],
        "2",
    ),
    "32 types made by assignment": (
        [
            "import collections, typing\nPt = collections.namedtuple('Pt', 'a b')\n"
            "U = typing.NewType('U', int)\np = Pt(1, 2)",
            "> q = Pt(3, U(4))\nprint(type(p) is Pt)",
            "print(type(q) is Pt, q)",
        ],
        "True Pt(a=3, b=4)",
    ),
    "33 a registry of subclasses": (
        [
            "class Base:\n    known = []\n    def __init_subclass__(cls): Base.known.append(cls)\n"
            "class One(Base): pass",
            "> class Two(Base): pass\nprint(len(Base.known))",
            "print([c.__name__ for c in Base.known], Base.known[0] is One)",
        ],
        "['One', 'Two'] True",
    ),
    "38 a decorator that registers in the notebook": (
        [
            "routes = {}\ndef route(p):\n    def add(f):\n        routes[p] = f\n        return f\n"
            "    return add\n@route('/')\ndef index(): return 'hi'",
            "> print(routes['/'](), len(routes), routes['/'] is index)",
        ],
        "hi 1 True",
    ),
    "44 generics, protocols and abstract classes": (
        [
            "import typing, abc\nT = typing.TypeVar('T')\nclass Sized(typing.Protocol):\n"
            "    def size(self) -> int: ...\nclass Box(typing.Generic[T], abc.ABC):\n"
            "    def size(self): return 1\nb = Box[int]()",
            "> c = Box()\nprint(type(b) is Box)",
            "print(type(c) is Box, c.size())",
        ],
        "True 1",
    ),
    "82 an exception class of there": (
        [
            "> class Odd(ValueError): pass\ntry: raise Odd('x')\nexcept Odd as e: kept = e",
            "print(repr(kept), isinstance(kept, ValueError), type(kept) is Odd)",
        ],
        "Odd('x') True True",
    ),
    "83 causes and contexts": (
        [
            "try:\n    try: 1 / 0\n    except ZeroDivisionError as z: raise KeyError('k') from z\n"
            "except KeyError as e: kept = e",
            "> again = kept",
            "print(repr(again), repr(again.__cause__))",
        ],
        "KeyError('k') ZeroDivisionError('division by zero')",
    ),
    "84 a value that never pickles alike": (
        [
            "import uuid\nclass A:\n    v = 1\n    def __reduce__(self):\n"
            "        return (A.make, (uuid.uuid4().hex,))\n    @staticmethod\n"
            "    def make(_): return A()\na = A()",
            "> print(a.v)",
            "print(a.v, type(a) is A)",
        ],
        "1 True",
    ),
    "86 a __getstate__ that reads globals": (
        [
            "scale = 3\nclass A:\n    def __getstate__(self): return {'s': scale}\na = A()",
            "> print(a.s)",
        ],
        "3",
    ),
    "87 identity in a default argument": (
        ["x = [1]\ndef f(y=x): return y", "> x.append(2)", "print(f(), f() is x)"],
        "[1, 2] True",
    ),
    "100 the clock and the processors are the machine's": (
        ["import os, time", "> n = (os.cpu_count(), time.time() > 0)", "print(n[1])"],
        "True",
    ),
}
LIBRARIES: dict[str, tuple[str, list[str], str]] = {
    "2 a view and its owner": (
        "numpy",
        [
            "import numpy as np\na = np.arange(4)\nv = a[1:]\nr = a.reshape(2, 2)",
            "> v[0] = 9",
            "print(a, r)",
        ],
        "[0 9 2 3] [[0 9]\n [2 3]]",
    ),
    "3 tensors and arrays over one storage": (
        "torch",
        [
            "import torch\nt = torch.zeros(3)\na = t.numpy()\nv = t[1:]",
            "> v += 1",
            "a[0] = 5\nprint(t.tolist())",
        ],
        "[5.0, 1.0, 1.0]",
    ),
    "4 model, optimiser and scheduler": (
        "torch",
        [
            "import torch\nm = torch.nn.Linear(1, 1)\no = torch.optim.SGD(m.parameters(), lr=1.)\n"
            "s = torch.optim.lr_scheduler.StepLR(o, 1)\nfor p in m.parameters(): pass",
            "> m(torch.ones(1)).backward()\no.step()\ns.step()",
            "print(o.param_groups[0]['params'][1] is p is m.bias, s.get_last_lr(),\n"
            "      s.optimizer is o)",
        ],
        "True [0.1] True",
    ),
    "6 frames that share nothing": (
        "pandas",
        [
            "import pandas as pd\nd = pd.DataFrame({'x': [1, 2]})\ne = d.copy()",
            "> e.loc[0, 'x'] = 9",
            "print(d.x.tolist(), e.x.tolist())",
        ],
        "[1, 2] [9, 2]",
    ),
    "53 a loader moves": (
        "torch",
        [
            "import torch\nl = torch.utils.data.DataLoader([1, 2, 3], batch_size=2)",
            "> print([b.tolist() for b in l])",
            "print(len(l))",
        ],
        "2",
    ),
    "58 a tensor inside a graph looks the same": (
        "torch",
        [
            "import torch\nw = torch.ones(1, requires_grad=True)\nt = w * 2",
            "> print(t.tolist(), t.requires_grad)",
        ],
        "[2.0] True",
    ),
    "59 optimiser state": (
        "torch",
        [
            "import torch\nw = torch.nn.Parameter(torch.ones(1))\no = torch.optim.Adam([w])",
            "> w.sum().backward()\no.step()",
            "print(int(o.state[w]['step']), o.param_groups[0]['params'][0] is w)",
        ],
        "1 True",
    ),
    "62 columns of objects": (
        "pandas",
        [
            "import pandas as pd\nl = [1]\nd = pd.DataFrame({'o': [l, None]})",
            "> d.o[0].append(2)",
            "print(l, d.o[0] is l)",
        ],
        "[1, 2] True",
    ),
    "64 categories, time zones and missing integers": (
        "pandas",
        [
            "import pandas as pd\nd = pd.DataFrame({'c': pd.Categorical(['a']),\n"
            "    'i': pd.array([None], 'Int64'),\n"
            "    't': pd.to_datetime(['2020-01-01']).tz_localize('UTC')})",
            "> e = d.copy()",
            "print(e.equals(d), [str(t).split('[')[0] for t in e.dtypes], e.dtypes['t'].tz)",
        ],
        "True ['category', 'Int64', 'datetime64'] UTC",
    ),
    "65 a mapped file that is only read": (
        "numpy",
        [
            "import numpy as np, tempfile, os\np = os.path.join(tempfile.mkdtemp(), 'a')\n"
            "np.arange(3.).tofile(p)\nm = np.memmap(p, 'f8', 'r')",
            "> print(m.sum(), type(m).__name__)",
        ],
        "3.0 memmap",
    ),
    "66 aligned structures": (
        "numpy",
        [
            "import numpy as np\na = np.zeros(2, np.dtype([('a', 'i1'), ('b', 'f8')], align=True))",
            "> b = a.copy()",
            "print(b.dtype == a.dtype, b.dtype.isalignedstruct, b.dtype.itemsize)",
        ],
        "True True 16",
    ),
    "67 a figure moves when it is mentioned": (
        "matplotlib",
        [
            "from matplotlib.figure import Figure\nf = Figure()\nf.subplots().plot([1, 2])",
            "> f.axes[0].set_title('t')",
            "print(f.axes[0].get_title(), len(f.axes[0].lines))",
        ],
        "t 1",
    ),
    "68 pictures": (
        "PIL",
        [
            "from PIL import Image\ni = Image.new('RGB', (2, 2), (1, 2, 3))",
            "> i.putpixel((0, 0), (9, 9, 9))",
            "print(i.getpixel((0, 0)), i.size)",
        ],
        "(9, 9, 9) (2, 2)",
    ),
    "72 a pipeline of estimators": (
        "sklearn",
        [
            "from sklearn.pipeline import make_pipeline\n"
            "from sklearn.preprocessing import StandardScaler\n"
            "from sklearn.linear_model import LinearRegression\n"
            "p = make_pipeline(StandardScaler(), LinearRegression())",
            "> p = p.fit([[0], [1]], [0, 2])",
            "print(round(float(p.predict([[2]])[0]), 6))",
        ],
        "4.0",
    ),
    "73 Arrow tables": (
        "pyarrow",
        [
            "import pyarrow as pa\nt = pa.table({'x': [1, 2]})",
            "> u = t.append_column('y', [[3, 4]])",
            "print(u.to_pydict())",
        ],
        "{'x': [1, 2], 'y': [3, 4]}",
    ),
}


@pytest.mark.parametrize("case", PLAIN)
def test_plain(machine: OtherProcess, case: str) -> None:
    cells, expected = PLAIN[case]
    assert played(machine, cells) == expected


@pytest.mark.parametrize("case", LIBRARIES)
def test_library(machine: OtherProcess, case: str) -> None:
    library, cells, expected = LIBRARIES[case]
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    assert played(machine, cells) == expected


def test_loop_targets_do_not_move(machine: OtherProcess) -> None:
    machine.restart()
    notebook = Coherent(machine)
    before = machine.bytes
    notebook.here("batch = bytearray(3_000_000)")
    assert notebook.there("for batch in [1, 2]: pass") == ("", "")
    assert machine.bytes == before


def test_a_module_that_is_not_there_is_named(machine: OtherProcess, tmp_path: Path) -> None:
    machine.restart()
    notebook = Coherent(machine)
    notebook.here(
        "import sys, types, importlib.machinery as im\nm = types.ModuleType('only_here')\n"
        "m.__spec__ = im.ModuleSpec('only_here', None)"
    )
    with pytest.raises((AssertionError, CannotTravelError), match="only_here"):
        notebook.there("print(m)")
