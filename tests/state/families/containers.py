"""Containers of the standard library that share their members."""

from __future__ import annotations

from .family import Family, kind, lines

CONTAINERS = Family(
    "containers",
    """\
import array, collections, copy, datetime, decimal, fractions, itertools, pathlib, types, weakref
Pair = collections.namedtuple("Pair", "left right")
shared = []
""",
    {
        "set": kind("set", "sorted(@, key=repr)"),
        "frozen": kind("frozenset", "sorted(@, key=repr)"),
        "deque": kind("deque", "(list(@), @.maxlen)"),
        "counted": kind("Counter", "sorted(@.items())"),
        "ordered": kind("OrderedDict", "list(@.items())"),
        "default": kind(
            "defaultdict", "(sorted(@.items(), key=repr), callable(@.default_factory))"
        ),
        "chain": kind("ChainMap", "(sorted(map(str, @.items())), len(@.maps))"),
        "pair": kind("Pair", "(@.left, @.right, type(@) is Pair)"),
        "bytes": kind("bytearray bytes", "(bytes(@), type(@).__name__)"),
        "text": kind("str", "@"),
        "simple": kind("SimpleNamespace", "sorted(map(str, vars(@).items()))"),
        "dice": kind("Random", "@.random()"),
        "packed": kind("array", "(@.tolist(), @.typecode)"),
        "slice": kind("slice range", "@"),
        "moment": kind("datetime timedelta date Decimal Fraction complex float", "repr(@)"),
        "path": kind("PosixPath PurePosixPath", "repr(@)"),
        "none": kind("NoneType ellipsis", "@"),
    },
    lines("""
        $=set = {$n, 11}
        $=set = $set
        $set.add($n)
        $set |= {$n}
        $=set = $set | $set2
        $=frozen = frozenset({$n, (1, $n)})
        $=dict = {$frozen: $list}
        $=deque = collections.deque([len($list)], maxlen=4)
        $=deque = collections.deque([$list])
        $deque.append($n)
        $deque.append($list)
        $deque.rotate()
        $=counted = collections.Counter([$n, $n, 1])
        $counted.update([$n])
        $counted[$n] += 2
        $=ordered = collections.OrderedDict(b=$list, a=$n)
        $ordered.move_to_end('b')
        $ordered['c$n'] = shared
        $=default = collections.defaultdict(list)
        $=default = collections.defaultdict(lambda: shared)
        $default[$n].append($n)
        $default['x'] = $list
        $=chain = collections.ChainMap({}, $dict)
        $chain['k$n'] = $n
        $=pair = Pair($list, $list2)
        $=pair = $pair._replace(right=$n)
        $pair.left.append(2)
        $=bytes = bytearray(b'abc')
        $=bytes = $bytes
        $=bytes = bytes($bytes)
        $bytes[0] = 65 + $n
        $bytes.extend(b'$n')
        $bytes += b'!'
        $=text = 't' * $n
        $text += 'é$n'
        $=text = f'{$n!r:>3}|{len($list)}'
        $=simple = types.SimpleNamespace(v=$list, n=$n)
        $simple.n += 1
        $simple.me = $simple.v
        $=dice = random.Random($n)
        $=dice = $dice
        print('own dice', $dice.random(), $dice.choice([1, 2, 3]))
        $=packed = array.array('d', [1, $n])
        $packed.append($n)
        $packed[0] += 1
        $=slice = slice(0, $n)
        $=slice = range($n, 12, 2)
        print('part', $list[$slice] if isinstance($slice, slice) else list($slice))
        $=moment = datetime.datetime(2020, 1, 1 + $n, tzinfo=datetime.timezone.utc)
        $=moment = decimal.Decimal('1.$n0')
        $=moment = fractions.Fraction($n, 7)
        $=moment = complex($n, 1)
        $=moment = 0.1 * $n
        $=path = pathlib.Path('some') / '$n'
        $=none = None
        $=none = ...
        shared.append($n)
        print('shared', shared)
        $=list = shared
        $=list = copy.copy($list)
        $=list = copy.deepcopy([$list, $list])
        $=list = [*$list, $list2]
        $=dict = {**$dict, 'm': $list}
        $=dict = {'a': $dict, 'b': $dict}
        $=tup = ($list, ($list, $set))
        $=list = [$dict, $tup, $dict]
        $list.append($list) if len($list) < 3 else $list.clear()
        $list.sort(key=repr)
        $list.pop()
        $dict.update(z=$list)
        $dict.clear()
        $dict.setdefault('s', []).append($n) if isinstance($dict.get('s', []), list) else None
        $list[0], $list2[-1:] = $n, [4]
    """),
)
