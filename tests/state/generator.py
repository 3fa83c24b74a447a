"""Random notebooks for the differential test: short cells over a few names that alias a lot.

A statement is chosen among those whose operands exist; what exists is read off
the reference run, so that cells that failed half way are followed rightly.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

NAMES = "abcdefgh"
PRELUDE = """\
import collections, dataclasses, enum, functools, random, typing
class P:
    count = 0
    seen = []
    def __init__(self, v):
        self.v = v
        self.peer = None
        P.count += 1
    def add(self, x):
        self.v.append(x)
        return len(self.v)
    def total(self):
        return len(self.v) + len(lst)
class Q(P):
    def add(self, x):
        self.seen.append(x)
        return super().add(x) + 1
@dataclasses.dataclass
class D:
    x: int = 0
    items: list = dataclasses.field(default_factory=list)
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
Pair = collections.namedtuple("Pair", "left right")
@functools.lru_cache
def doubled(x):
    return 2 * x
lst = [0]
n = 0
def bump(k=1):
    global n
    n += k
    return n
def make(x):
    def inner(y):
        x.append(y)
        return sum(map(len, [x, lst]))
    return inner
def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    def get():
        return n
    return up, get
up, get = counter()
random.seed(0)
"""
NUMPY_PRELUDE = "import numpy as np\nnp.random.seed(0)\n"
TORCH_PRELUDE = """\
import torch
torch.manual_seed(0)
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))
        self.register_buffer("steps", torch.zeros(1))
    def forward(self, x):
        self.steps += 1
        return (self.weight * x).sum()
"""
PANDAS_PRELUDE = "import pandas as pd\n"

SHOW = {
    "list": "list(map(repr, $))",
    "dict": "sorted(map(str, $.items()))",
    "arr": "$.tolist()",
    "P": "($.v, type($).__name__, isinstance($, P), $.peer is None or $.peer.v, P.count, Q.seen)",
    "D": "($, type($) is D)",
    "int": "$",
    "fn": "callable($)",
    "tup": "[type(q).__name__ for q in $]",
    "pair": "($.left, type($) is Pair)",
    "pt": "callable($)",
    "enum": "($, $ is Colour.RED, $ is Colour.BLUE)",
    "set": "sorted($)",
    "deque": "list($)",
    "ten": "$.tolist()",
    "net": "($.weight.tolist(), $.steps.item(), type($) is Net)",
    "opt": "len($.state)",
    "df": "$.values.tolist()",
}

Maker = Callable[["Writer"], "str | None"]


class Writer:
    """Writes the cells of one notebook; `kinds` says what the names hold at this point."""

    def __init__(self, seed: int, *, numpy: bool, torch: bool, pandas: bool, errors: bool) -> None:
        self.random = random.Random(seed)
        self.kinds: dict[str, str] = {}
        self.errors = errors
        self.makers: list[Maker] = list(_PLAIN)
        self.prelude = PRELUDE
        if numpy:
            self.makers += _NUMPY
            self.prelude += NUMPY_PRELUDE
        if torch:
            self.makers += _TORCH * 2
            self.prelude += TORCH_PRELUDE
        if pandas:
            self.makers += _PANDAS
            self.prelude += PANDAS_PRELUDE

    def cell(self) -> str:
        """Write a cell of one to four statements that shows some names at its end."""
        lines: list[str] = []
        for _ in range(self.random.randint(1, 4)):
            line = self.random.choice(self.makers)(self)
            if line is not None:
                lines.append(line)
        if self.errors and self.random.random() < 0.12:
            lines.insert(self.random.randrange(len(lines) + 1), "1/0")
        if self.random.random() < 0.3:
            lines.append("print('n', n, len(lst), get())")
        shown = self.random.sample(sorted(self.kinds), min(len(self.kinds), 3))
        lines += [self.show(name) for name in shown]
        return "\n".join(lines) or "pass"

    def last(self) -> str:
        """Write the cell that compares all identities and shows everything."""
        names = sorted(self.kinds)
        pairs = [f"{a} is {b}" for i, a in enumerate(names) for b in names[i + 1 :]]
        return "\n".join([f"print([{', '.join(pairs)}])", *map(self.show, names), "print(n, lst)"])

    def show(self, name: str) -> str:
        return f"print('{name}', {SHOW[self.kinds[name]].replace('$', name)})"

    def look(self, namespace: dict[str, Any]) -> None:
        """Read off the reference what the names hold now."""
        self.kinds = {}
        for name in NAMES:
            kind = _KINDS.get(type(namespace.get(name)).__name__)
            if kind is not None:
                self.kinds[name] = kind

    def new(self, kind: str, *avoid: str | None) -> str:
        """Choose a name to bind to something of this kind."""
        name = self.random.choice([n for n in NAMES if n not in avoid])
        self.kinds[name] = kind
        return name

    def pick(self, kind: str) -> str | None:
        """Choose a name that holds something of this kind."""
        found = [n for n, k in self.kinds.items() if k == kind]
        return self.random.choice(found) if found else None

    def number(self) -> int:
        return self.random.randint(0, 9)


_KINDS = {
    "list": "list",
    "dict": "dict",
    "ndarray": "arr",
    "P": "P",
    "Q": "P",
    "D": "D",
    "int": "int",
    "function": "fn",
    "tuple": "tup",
    "Pair": "pair",
    "partial": "pt",
    "builtin_function_or_method": "pt",
    "method": "pt",
    "Colour": "enum",
    "set": "set",
    "deque": "deque",
    "Tensor": "ten",
    "Net": "net",
    "SGD": "opt",
    "DataFrame": "df",
}


def _new(kind: str, text: str) -> Maker:
    """`$n` is a number."""
    return lambda w: f"{w.new(kind)} = {text.replace('$n', str(w.number()))}"


def _from(source: str, kind: str, text: str) -> Maker:
    """Bind a name to something made from one of the kind `source`, called `$`."""

    def write(w: Writer) -> str | None:
        name = w.pick(source)
        if name is None:
            return None
        value = text.replace("$n", str(w.number())).replace("$", name)
        return f"{w.new(kind, name)} = {value}"

    return write


def _do(kind: str, text: str) -> Maker:
    """Do something with a name of this kind, called `$`."""

    def write(w: Writer) -> str | None:
        name = w.pick(kind)
        return None if name is None else text.replace("$n", str(w.number())).replace("$", name)

    return write


def _both(one: str, other: str, text: str, kind: str = "") -> Maker:
    """Do something with `$1` and `$2`; bind the result if `kind` is given."""

    def write(w: Writer) -> str | None:
        a, b = w.pick(one), w.pick(other)
        if a is None or b is None:
            return None
        value = text.replace("$1", a).replace("$2", b)
        return f"{w.new(kind, a, b)} = {value}" if kind else value

    return write


def _always(text: str) -> Maker:
    return lambda w: text.replace("$n", str(w.number()))


def _delete(w: Writer) -> str | None:
    if len(w.kinds) < 3:
        return None
    name = w.random.choice(sorted(w.kinds))
    del w.kinds[name]
    return f"del {name}"


_PLAIN: list[Maker] = [
    _new("list", "[$n]"),
    _new("list", "[[$n], $n]"),
    _from("list", "list", "$"),
    _from("list", "list", "list($)"),
    _do("list", "$.append($n)"),
    _do("list", "$ += [5]"),
    _do("list", "for i in range(2): $.append(i)"),
    _do("list", "$[:] = $[-4:]"),
    _from("list", "dict", "{'k': $}"),
    _do("dict", "$['k'].append(7) if isinstance($.get('k'), list) else None"),
    _do("dict", "$['n'] = n"),
    _from("list", "P", "P($)"),
    _from("list", "P", "Q($)"),
    _do("P", "$.add($n)"),
    _do("P", "print('tot', $.total())"),
    _both("P", "P", "$1.peer = $2"),
    _from("P", "list", "$.v"),
    _always("P.count += 1"),
    _always("P.seen.append($n)"),
    _always("Q.extra = $n"),
    _always("bump($n)"),
    _always("lst.append(len(lst))"),
    _always("print('up', up())"),
    _always("print('cached', doubled($n))"),
    _always("def bump(k=1):\n    global n\n    n += 2 * k\n    return n"),
    _from("list", "fn", "make($)"),
    _do("fn", "print('call', $($n))"),
    _from("list", "fn", "lambda z=$n: len($) + z if isinstance($, list) else z"),
    _from("list", "fn", "lambda z, q=$: (q.append(z), len(q))[1]"),
    _from("fn", "pt", "functools.partial($, 3)"),
    _from("list", "pt", "functools.partial($.append, 8)"),
    _from("list", "pt", "functools.partial($.append, 8)"),
    _do("pt", "$()"),
    _from("P", "pt", "functools.partial($.add, 4)"),
    _both("list", "dict", "($1, $2)", "tup"),
    _do("tup", "$[0].append(3) if isinstance($[0], list) else None"),
    _both("list", "list", "Pair($1, $2)", "pair"),
    _do("pair", "$.left.append(2)"),
    _new("D", "D($n)"),
    _from("list", "D", "D($n, $)"),
    _do("D", "$.x += 1"),
    _do("D", "$.items.append($.x)"),
    _new("enum", "Colour.RED"),
    _new("enum", "Colour($n % 2 + 1)"),
    _new("set", "{$n, 11}"),
    _do("set", "$.add($n)"),
    _from("list", "deque", "collections.deque([len($)])"),
    _do("deque", "$.append($n)"),
    _new("int", "$n"),
    _do("int", "$ += 1"),
    _do("int", "if $ > 4: lst.append($)"),
    _always("random.seed($n)"),
    _always("print('dice', random.random())"),
    _always("print('dice', random.random())"),
    _delete,
    _delete,
]
_NUMPY: list[Maker] = [
    _new("arr", "np.arange(4. + $n)"),
    _new("arr", "np.random.rand(3)"),
    _always("np.random.seed($n)"),
    _from("arr", "arr", "$[1:3]"),
    _from("arr", "arr", "$.reshape(-1)[::-1]"),
    _from("arr", "arr", "$ * 2"),
    _from("arr", "arr", "$.reshape(-1, 1)"),
    _do("arr", "$[0] = $n"),
    _do("arr", "$ *= 2"),
    _do("arr", "$[...] += 1"),
    _from("arr", "P", "P([$])"),
    _both("arr", "list", "$2.append($1.sum().item())"),
    _from("arr", "dict", "{'k': $, 's': $.sum().item()}"),
]
_TORCH: list[Maker] = [
    _new("ten", "torch.arange(6.)"),
    _new("ten", "torch.rand(4)"),
    _always("torch.manual_seed($n)"),
    _from("ten", "ten", "$[1:]"),
    _from("ten", "ten", "$.clone()"),
    _from("ten", "arr", "$.numpy()"),
    _from("arr", "ten", "torch.from_numpy(np.array($, dtype='f4'))"),
    _do("ten", "$ += 1"),
    _do("ten", "$[0] = $n"),
    _new("net", "Net()"),
    _from("net", "opt", "torch.optim.SGD($.parameters(), lr=0.5, momentum=0.5)"),
    _both("net", "opt", "$2.zero_grad(); $1(torch.ones(3)).backward(); $2.step()"),
    _from("net", "ten", "$.weight.detach()"),
]
_PANDAS: list[Maker] = [
    _new("df", "pd.DataFrame({'x': [1., 2.], 'y': [$n, 4]})"),
    _from("df", "df", "$"),
    _from("df", "df", "$[['x']].copy()"),
    _do("df", "$['z'] = $n"),
    _do("df", "$.iloc[0, 0] = $n"),
    _from("df", "arr", "$['x'].to_numpy().copy()"),
]
