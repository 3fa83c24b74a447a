"""Classes of all makes: slots, properties, dataclasses, enums, registries, redefinition."""

from __future__ import annotations

from .family import Family, kind, lines

PRELUDE = """\
import abc, dataclasses, enum, typing
@dataclasses.dataclass
class Data:
    x: int = 0
    items: list = dataclasses.field(default_factory=list)
    made: typing.ClassVar[list] = []
    def __post_init__(self):
        Data.made.append(self.x)
@dataclasses.dataclass(frozen=True, order=True)
class Fixed:
    lr: float = 0.1
    tags: tuple = ()
@dataclasses.dataclass(slots=True)
class Tight:
    x: int
    rest: list
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
    @property
    def nice(self):
        return self.name.title()
class Flag(enum.IntFlag):
    A = 1
    B = 2
class Row(typing.NamedTuple):
    a: list
    b: int = 2
    def size(self):
        return len(self.a) + self.b
class Slots:
    __slots__ = ('v', 'w', '__weakref__')
    def __init__(self, v):
        self.v = v
class Shape(abc.ABC):
    sides = 0
    @abc.abstractmethod
    def area(self): ...
    @classmethod
    def unit(cls):
        return cls(1)
    @staticmethod
    def scale():
        return len(lst)
class Square(Shape):
    sides = 4
    def __init__(self, a):
        self._a = a
    @property
    def a(self):
        return self._a
    @a.setter
    def a(self, value):
        self._a = value + len(lst)
    @functools.cached_property
    def cached(self):
        return [self._a]
    def area(self):
        return self._a ** 2 * Shape.scale()
class Registry(type):
    known = {}
    def __new__(m, name, bases, body):
        cls = super().__new__(m, name, bases, body)
        m.known[name] = len(m.known)
        return cls
class Plug(metaclass=Registry):
    def __init__(self, v):
        self.v = v
T = typing.TypeVar('T')
class Box(typing.Generic[T]):
    def __init__(self, v):
        self.v = v
class Key:
    def __init__(self, k):
        self.k = k
    def __eq__(self, other):
        return isinstance(other, Key) and self.k == other.k
    def __hash__(self):
        return hash(self.k)
class Node:
    head = None
    def __init__(self, v, next=None):
        self.v, self.next = v, next
    def __iter__(self):
        seen, node = 0, self
        while node is not None and seen < 5:
            yield node.v
            seen, node = seen + 1, node.next
class Call:
    def __init__(self, log):
        self.log = log
    def __call__(self, *args):
        self.log.append(args)
        return len(self.log)
class Stack(list):
    limit = 3
    def push(self, x):
        self.append(x)
        self.last = x
        return self
class Problem(ValueError):
    def __init__(self, code, what='w'):
        super().__init__(code, what)
        self.code = code
class Outer:
    class Inner:
        def __init__(self, v):
            self.v = v
"""

CLASSES = Family(
    "classes",
    PRELUDE,
    {
        "data": kind("Data", "(@, type(@) is Data, Data.made)"),
        "fixed": kind("Fixed", "(@, type(@) is Fixed, hash(@) == hash(@))"),
        "tight": kind("Tight", "(@.x, @.rest, type(@) is Tight)"),
        "enum": kind("Colour", "(@, @ is Colour.RED, @ is Colour.BLUE, @.nice)"),
        "flag": kind("Flag", "(int(@), Flag.A in @)"),
        "row": kind("Row", "(@, @.size(), type(@) is Row)"),
        "slots": kind("Slots", "(@.v, getattr(@, 'w', None), type(@) is Slots)"),
        "shape": kind(
            "Square", "(@.area(), @.a, @.sides, isinstance(@, Shape), vars(@).get('cached'))"
        ),
        "plug": kind("Plug", "(@.v, type(type(@)) is Registry, sorted(Registry.known.items()))"),
        "box": kind("Box", "(@.v, type(@) is Box)"),
        "key": kind("Key", "(@.k, @ == Key(@.k))"),
        "node": kind("Node", "(list(map(repr, @)), Node.head is @)"),
        "call": kind("Call", "(len(@.log), callable(@))"),
        "stack": kind("Stack", "(list(map(repr, @)), getattr(@, 'last', None), Stack.limit)"),
        "error": kind("Problem ZeroDivisionError KeyError", "(repr(@), getattr(@, 'code', 0))"),
        "class": kind("type ABCMeta", "(@.__name__, @ is P, @ is Q, @ is Box)"),
        "inner": kind("Inner", "(@.v, type(@) is Outer.Inner)"),
    },
    lines("""
        $=data = Data($n)
        $=data = Data($n, $list)
        $=data = dataclasses.replace($data, x=$n)
        $data.x += 1
        $data.items.append($data.x)
        print('asdict', dataclasses.asdict($data))
        Data.made.clear()
        $=fixed = Fixed($n, ('a',))
        $fixed.lr = 3
        print('ordered', sorted([$fixed, Fixed(5)]))
        $=tight = Tight($n, $list)
        $tight.x += 1
        $tight.rest.append($n)
        $=enum = Colour.RED
        $=enum = Colour($n % 2 + 1)
        $=dict = {Colour.RED: $list, $enum: $n}
        $=flag = Flag.A | Flag.B
        $flag &= ~Flag.A
        $=row = Row($list, $n)
        $row.a.append($n)
        $=slots = Slots($list)
        $slots.v.append($n)
        $slots.w = $n
        $slots.z = 1
        $=slots = $slots
        $=shape = Square($n)
        $=shape = Square.unit()
        $shape.a = $n
        $shape.cached.append($n)
        Shape.sides = $n
        del Square.sides
        Square.sides = 4
        Square.extra = $list
        $=list = getattr(Square, 'extra', [])
        Shape()
        $=plug = Plug($list)
        class Plug$n(Plug): pass
        $=plug = Plug$n($n)
        $=box = Box[int]($n)
        $=box = Box($list)
        $box.v = $box
        $box.v = $n
        $=key = Key($n)
        $=dict = {$key: $list, Key(3): 3}
        print('found', $dict.get($key), $dict.get(Key(3)))
        $=node = Node($n)
        $=node = Node($list, $node)
        $node.next = $node2
        Node.head = $node
        print('head', Node.head and list(map(repr, Node.head)))
        $=call = Call($list)
        print('called', $call($n))
        $=stack = Stack([$n, $list])
        print('push', len($stack.push($n)))
        Stack.limit += 1
        $=error = Problem($n)
        raise $error
        $=inner = Outer.Inner($list)
        class Outer:;;    class Inner:;;        def __init__(self, v): self.v = [v]
        class P(P):;;    def total(self): return -1
        class Q(P):;;    def add(self, x): return 100 + super().add(x)
        class P:;;    count, seen = 0, []
            ;;    def __init__(self, v): self.v, self.peer = v, None
            ;;    def add(self, x): return self.v.append(x);;    def total(self): return -2
        class Box(typing.Generic[T]):;;    def __init__(self, v): self.v = (v, lst)
        class Colour(enum.Enum):;;    RED = 1;;    BLUE = 3;;    @property
            ;;    def nice(self): return 'new'
        def area(self): return -self._a;;Square.area = area
        Square.area = lambda self: self._a + len(lst)
        P.add = Q.add
        Q.describe = lambda self: (self.v, n)
        print('describe', $obj.describe())
        setattr($obj, 'w$n', $list)
        $obj.__dict__.update(v=$list)
        $obj.__class__ = P
        print('class', P.__name__, [c.__name__ for c in Q.__mro__], sorted(vars($obj)))
        $=class = P
        $=class = type($obj)
        $=obj = $class($list) if $class in (P, Q) else P([1])
        $class.count += 1
        print('made', type($obj).__name__, type($obj) is P, type($obj) is Q)
        $=list = [$obj, $obj.v, type($obj).__name__]
        Made = dataclasses.make_dataclass('Made', ['x', 'items'])
        $=list = [Made($n, $list).x]
    """),
)
