"""The family every notebook has: lists and objects that alias, closures, globals, dice."""

from __future__ import annotations

from .family import Family, kind, lines

PRELUDE = """\
import functools, random, warnings
warnings.resetwarnings()
warnings.simplefilter("always")
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

CORE = Family(
    "core",
    PRELUDE,
    {
        "list": kind("list", "list(map(repr, @))"),
        "dict": kind("dict", "sorted(map(str, @.items()))"),
        "obj": kind(
            "P Q",
            "(@.v, type(@).__name__, isinstance(@, P), @.peer is None or @.peer.v, "
            "P.count, Q.seen)",
        ),
        "int": kind("int bool", "@"),
        "fn": kind("function", "callable(@)"),
        "tup": kind("tuple", "[type(q).__name__ for q in @]"),
        "pt": kind("partial builtin_function_or_method method", "callable(@)"),
    },
    lines("""
        $=list = [$n]
        $=list = [[$n], $n]
        $=list = $list
        $=list = list($list)
        $=list = $=list2 = [$n]
        $list.append($n)
        $list += [5]
        for i in range(2): $list.append(i)
        $list[:] = $list[-4:]
        $=dict = {'k': $list}
        $dict['k'].append(7) if isinstance($dict.get('k'), list) else None
        $dict['n'] = n
        $=obj = P($list)
        $=obj = Q($list)
        $obj.add($n)
        print('tot', $obj.total())
        $obj.peer = $obj2
        $=list = $obj.v
        P.count += 1
        P.seen.append($n)
        Q.extra = $n
        bump($n)
        lst.append(len(lst))
        print('up', up())
        def bump(k=1):;;    global n;;    n += 2 * k;;    return n
        $=fn = make($list)
        print('call', $fn($n))
        $=fn = lambda z=$n: len($list) + z if isinstance($list, list) else z
        $=fn = lambda z, q=$list: (q.append(z), len(q))[1]
        $=pt = functools.partial($fn, 3)
        $=pt = functools.partial($list.append, 8)
        $=pt = $list.append
        $pt()
        $pt($n)
        $=pt = functools.partial($obj.add, 4)
        $=pt = $obj.add
        $=tup = ($list, $dict)
        $tup[0].append(3) if isinstance($tup[0], list) else None
        $=int = $n
        $int += 1
        if $int > 4: lst.append($int)
        random.seed($n)
        print('dice', random.random())
        print('dice', random.random())
        del $any
        del $any
    """),
)
