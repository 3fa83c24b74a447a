"""Statements whose effects are partial, conditional or out of the ordinary order."""

from __future__ import annotations

from .family import Family, kind, lines

FLOW = Family(
    "flow",
    """\
import contextlib, warnings
def risky(x, k):
    x.append(k)
    if k > 5:
        raise ValueError(f'too large: {k}')
    return k
def cleaned(x, k):
    try:
        return risky(x, k)
    finally:
        x.append('f')
""",
    {"error": kind("ValueError ZeroDivisionError NameError", "repr(@)")},
    lines("""
        try:;;    risky($list, $n);;except ValueError as e:;;    print('caught', e)
        try:;;    $list.append($n); 1 / ($n % 2);;except ZeroDivisionError as e:;;    $=error = e
        try:;;    cleaned($list, $n);;except ValueError:;;    bump();;else:;;    lst.append(1)
            ;;finally:;;    $list.append('x')
        try:;;    1 / 0;;except ZeroDivisionError as e:;;    raise ValueError('again') from e
        cleaned($list, $n)
        risky(lst, $n); bump()
        raise $error
        print('cause', type($error.__cause__).__name__, $error.args)
        with contextlib.suppress(ValueError): $=list = [risky($list, $n)]
        with contextlib.suppress(ZeroDivisionError):;;    $list.append(1 / ($n % 2));;    $=int = $n
        $=int, *$=list = $list
        *$=list, last = $list or [0]
        ($=int, ($=list, q)) = $n, ([$n], $list)
        print('w', (w := $n) + len($list), w)
        if (found := len($list)) > 2: $list.pop()
        $=list = [y for x in [[1], $list] if (y := x)]
        $=dict = {str(i): $list for i in range(2)}
        $=list = [i for i in range($n)]; print('i' in globals())
        for i, x in enumerate($list):;;    if i > $n: break;;else:;;    lst.append('else')
        while len($list) > 3:;;    $list.pop();;else:;;    bump()
        if $n > 5:;;    $=int = $n
        if $n > 7: del $any
        for x in list($list): $list.append(x) if len($list) < 6 else None
        $list[0:1] = [$n]
        $list[-1] = $list2
        $list[0] += 1
        $dict['k'] = $dict.get('k')
        del $list[0]
        del $dict['k']
        $obj.v += [$n]
        $obj.v = [*$obj.v][-3:]
        $obj.n = getattr($obj, 'n', 0) + 1
        del $obj.n
        match $list:;;    case [a1, *rest]: $=list = rest;;    case _: bump()
        match $n:;;    case 1 | 2 as small: lst.append(small);;    case k if k > 5: bump(k)
        assert len($list) < 4, 'long'
        def $=fn(x):;;    try:;;        return risky(x, 9);;    except ValueError:
            ;;        return -1;;    finally:;;        lst.append(0)
        print('r', $fn($list))
        def redo():;;    global n, lst;;    lst = [*lst, n];;    n = 0
        redo()
        def drop():;;    global gone;;    gone = 1;;    del gone
        drop(); print('gone' in globals())
        exec('$list.append($n)')
        print('eval', eval('len($list) + n'))
        globals()['n'] = $n
        print('g', globals()['n'], 'lst' in globals(), 'zzz' in globals())
        warnings.warn('careful $n')
        warnings.simplefilter('ignore' if $n > 4 else 'always')
        undefined + $n
        $list.nothing
        $dict['missing']
        $=list = $list2 = [$n]; $list.append(1 / ($n % 3))
        print('a', end=''); print($list, sep='')
        import json as js; print(js.dumps({'n': n}))
        from collections import Counter as C; print(C('aab').most_common(1))
        del n; n = $n
        (lambda: lst.append($n))()
        [lst.append(k) for k in range(2)]
        _hidden = $n; print(_hidden)
        $=list = (lambda *a, **k: [a, k])(*$list, **{'z': 1})
        print(*$list[:2], sep='-')
        assert isinstance($n, int); $=int = -$n
    """),
)
