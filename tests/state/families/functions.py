"""Functions that share variables, decorate, cache, or reach for globals."""

from __future__ import annotations

from .family import Family, lines

PRELUDE = """\
import contextlib, functools, itertools, operator
def bank(total=0):
    log = []
    def put(x):
        nonlocal total
        total += x
        log.append(x)
        return total
    def undo():
        nonlocal total
        total -= log.pop()
        return total
    def peek():
        return total, log
    peek.put, peek.undo = put, undo
    return peek
def traced(f):
    calls = []
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        calls.append(len(args))
        return f(*args, **kwargs), len(calls)
    wrapper.calls = calls
    return wrapper
def times(k):
    def decorate(f):
        @functools.wraps(f)
        def wrapper(*args):
            return [f(*args) for _ in range(k)]
        return wrapper
    return decorate
@traced
def half(x):
    return x / 2
@times(2)
@traced
def twice(x, q=[]):
    q.append(x)
    return len(q)
@functools.lru_cache(maxsize=None)
def doubled(x):
    return 2 * x + len(lst)
@contextlib.contextmanager
def noted(where, what):
    where.append(('in', what))
    try:
        yield where
    finally:
        where.append(('out', what))
@functools.singledispatch
def kind_of(x):
    return 'other'
def fib(k):
    return k if k < 2 else fib(k - 1) + fib(k - 2)
def even(k):
    return k == 0 or odd(k - 1)
def odd(k):
    return k > 0 and even(k - 1)
def keep(x, *, into=lst, **more):
    into.append(x)
    return sorted(more)
def steps(k):
    for i in range(k):
        yield i, len(lst)
def forget():
    global kept
    del kept
def remember(x):
    global kept, memory
    kept = memory = [x]
def recall():
    return kept
kept = memory = [0]
total = 0
"""

FUNCTIONS = Family(
    "functions",
    PRELUDE,
    {},
    lines("""
        $=fn = bank($n)
        print('bank', $fn.put($n) if hasattr($fn, 'put') else 0)
        print('undo', $fn.undo() if hasattr($fn, 'undo') else 0)
        print('peek', $fn() if hasattr($fn, 'put') else 0)
        $=fn = $fn.put if hasattr($fn, 'put') else $fn
        $=tup = ($fn, $fn)
        $=dict = {'f': $fn, 'k': [$fn]}
        print('same', [f is $fn for f in $tup])
        print('half', half($n), half.calls, half.__name__)
        half.calls.append(0)
        print('twice', twice($n))
        print('double', doubled($n))
        print('fib', fib($n), even($n))
        print('keep', keep($n, z=1, y=$n))
        print('keep', keep($n, into=$list))
        print('steps', list(steps(2)), sum(i for i, _ in steps($n)))
        with noted($list, $n) as w: w.append(0)
        with noted(lst, $n), noted($list, 1): bump()
        remember($n)
        forget()
        print('recall', recall(), kept is memory)
        kept.append($n)
        print('kept', 'kept' in globals())
        print('kind', kind_of($n))
        def half(x):;;    return x // 2
        @traced;;def half(x):;;    return x / 4
        @times($n % 3);;def $=fn(x):;;    lst.append(x);;    return x
        @functools.lru_cache;;def doubled(x):;;    return 3 * x
        def fib(k):;;    return 1 if k < 2 else k * fib(k - 1)
        def $=fn(x, acc=[], *rest, k=$n, **more):;;    acc.append(x);;    return len(acc) + k
        def $=fn(x):;;    return x + total + len(lst)
        total += $n
        $fn.label = $n
        print('label', getattr($fn, 'label', None), $fn.__name__)
        $fn.notes = $list
        $=list = getattr($fn, 'notes', [])
        $=fn = (lambda x: lambda y: (x.append(y), len(x))[1])($list)
        $=fn = (lambda f: lambda x: f(f(x)))(operator.neg)
        $=pt = functools.partial(keep, into=$list)
        $=pt = functools.partial(bump, k=$n)
        $=pt = operator.itemgetter(0)
        $=pt = functools.partial(functools.partial($list.append), $n)
        $=pt = lst.append
        f = lambda: [lst, $list];;print('f', [len(x) for x in f()])
        print('map', list(map(lambda x: x + n, range(2))), functools.reduce(operator.add, [1, $n]))
        print('annotated', bump.__defaults__, keep.__kwdefaults__['into'] is lst)
        bump.__defaults__ = ($n,)
        keep.__kwdefaults__['into'] = $list
        def outer():;;    def inner():;;        global n;;        n += 1;;    inner();;    return n
        print('outer', outer())
        up, get = counter()
        $=fn = up
        print('get', get(), up is $fn)
    """),
)
